import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CommandResult } from '../../src/runner/command.ts'
import { temporaryFolder } from './running.ts'

const exec = join(import.meta.dirname, '../../src/runner/exec.ts')
const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0

/** Root is not bound by a limit on processes: then as `nobody`, if that one may read this checkout. */
const somebody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
const somebodyCan =
  spawnSync(process.execPath, ['-e', `fs.readFileSync(${JSON.stringify(exec)})`], somebody).status === 0

/** Runs `true` in a Node of its own after `prlimit` has set this limit. */
function resultUnder(limit: string, user: { readonly uid?: number; readonly gid?: number }): CommandResult {
  const folder = temporaryFolder()
  chmodSync(folder, 0o777)
  const code = `
    import { execFileSync } from 'node:child_process'
    import { createRunCommand } from ${JSON.stringify(exec)}
    const run = createRunCommand({ directory: ${JSON.stringify(join(folder, 'pipes'))} })
    const command = { argv: ['true'], cwd: '/', env: { PATH: '/usr/bin:/bin' } }
    const options = { signal: new AbortController().signal, timeoutMs: 20000, graceMs: 1000, onOutput: () => undefined }
    await run(command, options)
    execFileSync('prlimit', ['--pid', String(process.pid), '${limit}'], { env: { PATH: '/usr/bin:/bin' } })
    console.log(JSON.stringify(await run(command, options)))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { ...user, cwd: '/' })
  expect(stderr.toString()).toBe('')
  return JSON.parse(stdout.toString()) as CommandResult
}

describe.skipIf(!hasPrlimit)('a command when the system has nothing left for it (needs prlimit)', () => {
  it.skipIf(!somebodyCan)('is told apart when there may be no further process', () => {
    expect(resultUnder('--nproc=1:1', somebody)).toMatchObject({ kind: 'not_started', reason: 'no_processes_left' })
  })

  it('is told apart when there may be no further open file', () => {
    const result = resultUnder('--nofile=8:8', {})
    expect(result).toMatchObject({ kind: 'not_started', reason: 'spawn_failed' })
    expect(result).toHaveProperty('message', expect.stringContaining('ulimit -n'))
  })
})
