import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runningAs } from '../../src/runner/as-user.ts'
import { handoverProblem } from '../../src/runner/handover.ts'
import { handoverOf } from '../../src/runner/host-env.ts'

it('lies where systemd lets root write: in the first runtime directory of the service, else in /run', () => {
  expect(handoverOf({ RUNTIME_DIRECTORY: '/run/deployhook:/run/other' }, 'a1')).toBe('/run/deployhook/handover')
  expect(handoverOf({ RUNTIME_DIRECTORY: '' }, 'a1')).toBe('/run/deployhook.a1')
  expect(handoverOf({}, 'a1')).toBe('/run/deployhook.a1')
})

describe.skipIf(process.getuid?.() !== 0)('what is handed over to another user (only root can)', () => {
  it('lies where everybody comes through, and nobody looks around, also below RuntimeDirectoryMode=0750', async () => {
    const folder = makeFolder(0o750)
    expect(await handoverProblem(nobodyAt(join(folder, 'handover')))).toBe(null)
    expect(modeOf(folder)).toBe('751')
    expect(modeOf(join(folder, 'handover'))).toBe('711')
  })

  it('is taken from there by a command that enters its directory itself, which root could be led astray by', async () => {
    const cwds: string[] = []
    const run = runningAs((command) => {
      cwds.push(command.cwd)
      return Promise.resolve({ kind: 'exited', exitCode: 0, leftovers: 0 })
    })
    const user = nobodyAt(join(makeFolder(0o755), 'handover'))
    const options = {
      signal: new AbortController().signal,
      timeoutMs: null,
      graceMs: 0,
      onOutput: () => Promise.resolve(),
    }
    await run({ argv: ['true'], cwd: '/srv/theirs', env: {}, user }, options)
    expect(cwds).toEqual(['/'])
  })

  it('cannot lie where nothing can be made, or where that user may not go', async () => {
    const folder = makeFolder(0o755)
    writeFileSync(join(folder, 'file'), '')
    expect(await handoverProblem(nobodyAt(join(folder, 'file/handover')))).toBe(
      `run_as: what steps of nobody need cannot be kept in ${folder}/file/handover (ENOTDIR): give the service RuntimeDirectory=deployhook, or make that place writable to root`,
    )
    mkdirSync(join(folder, 'closed/deployhook'), { recursive: true, mode: 0o700 })
    expect(await handoverProblem(nobodyAt(join(folder, 'closed/deployhook/handover')))).toBe(
      `run_as: nobody may not enter ${folder}/closed, on the way to ${folder}/closed/deployhook/handover: chmod o+x ${folder}/closed`,
    )
  })
})

function nobodyAt(handover: string) {
  return { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent', setpriv: '/usr/bin/setpriv', handover }
}

function makeFolder(mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'deployhook-handover-'))
  chmodSync(folder, mode)
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  return folder
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}
