import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemdOf, type ProbeTools } from '../../../src/runner/health/index.ts'
import { temporaryFolder } from '../running.ts'
import { check, openAsk } from './asking.ts'

const unit = check({ kind: 'systemd_unit', unit: 'api.service' })

describe('a systemd_unit check', () => {
  it('asks systemctl by its arguments', async () => {
    const systemd = systemctl('test "$*" = "is-active -- api.service"')
    expect(await openAsk({ systemd }).try(unit)).toEqual({ kind: 'well' })
  })

  it.each([
    ['echo active', { kind: 'well' }],
    ['echo activating; exit 3', { kind: 'sick', why: 'is activating' }],
    ['echo failed; exit 3', { kind: 'sick', why: 'is failed' }],
    [
      'echo "System has not been booted with systemd as init system (PID 1)." >&2; exit 1',
      { kind: 'sick', why: 'cannot be asked for: systemd does not answer systemctl' },
    ],
    ['sleep 1000', { kind: 'sick', why: 'cannot be asked for: systemctl took longer than 200ms' }],
  ])('understands %s', async (text, answer) => {
    const timeoutMs = text.startsWith('sleep') ? 200 : 5_000
    expect(await openAsk({ systemd: systemctl(text) }).try({ ...unit, timeoutMs })).toEqual(answer)
  })

  it('says that there is no systemctl', async () => {
    const systemd = { searchPath: temporaryFolder(), runtimeDirectory: null }
    expect(await openAsk({ systemd }).try(unit)).toEqual({
      kind: 'sick',
      why: 'cannot be asked for: there is no systemctl on this machine',
    })
  })

  it('takes the unit of the daemon’s user when the system has none', async () => {
    const user = '[ "$1" = --user ] && [ "$XDG_RUNTIME_DIR" = /run/user/1000 ]'
    const asked = (text: string) => openAsk({ systemd: systemctl(text, '/run/user/1000') }).try(unit)
    expect(await asked(`${user} || { echo inactive; exit 4; }`)).toEqual({ kind: 'well' })
    expect(await asked(`if ${user}; then echo failed; else echo inactive; fi; exit 3`)).toEqual({
      kind: 'sick',
      why: "is inactive; as a unit of the daemon's user it is failed",
    })
  })

  it('asks for the units of a user who is not root and has a manager', () => {
    const env = { XDG_RUNTIME_DIR: '/run/user/1000' }
    expect(systemdOf(env, 1000).runtimeDirectory).toBe('/run/user/1000')
    expect(systemdOf(env, 0).runtimeDirectory).toBeNull()
    expect(systemdOf({}, 1000).runtimeDirectory).toBeNull()
  })
})

/** A systemctl that does as told, for want of a systemd in most machines that run tests. */
function systemctl(text: string, runtimeDirectory: string | null = null): ProbeTools['systemd'] {
  const folder = temporaryFolder()
  const file = join(folder, 'systemctl')
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
  return { searchPath: `${folder}:/usr/bin:/bin`, runtimeDirectory }
}
