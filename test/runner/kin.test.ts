import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createKin } from '../../src/runner/kin.ts'
import { processStartedAs } from '../../src/runner/processes.ts'
import { isAlive, temporaryFolder, until } from './running.ts'

const nowhere = { device: -1, inode: -1 }
const env = { PATH: '/usr/bin:/bin' }

it('knows by the output alone a process that has got rid of session, group, parent and cookie', async () => {
  const path = join(temporaryFolder(), 'output')
  execFileSync('mkfifo', [path])
  const pipe = openSync(path, constants.O_RDWR)
  onTestFinished(() => {
    closeSync(pipe)
  })
  const { dev: device, ino: inode } = fstatSync(pipe)
  const leader = await started(spawn('sleep', ['1000'], { env, detached: true }))
  const writer = await started(spawn('sleep', ['1000'], { env, detached: true, stdio: ['ignore', 'ignore', pipe] }))

  expect(createKin({ leader, cookie: null, output: nowhere })().found.map(({ pid }) => pid)).toEqual([leader.pid])
  const kin = createKin({ leader, cookie: null, output: { device, inode } })().found
  expect(kin.map(({ pid }) => pid).sort()).toEqual([leader.pid, writer.pid].sort())
})

it('still knows a process that it saw once, when that has lost every mark since', async () => {
  const text = 'setsid sleep 1000 >/dev/null 2>&1 & echo $!; wait'
  const shell = spawn('sh', ['-c', text], { env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  const leader = await started(shell)
  const [said] = (await once(shell.stdout, 'data')) as [Buffer]
  const pid = Number(said.toString())
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })
  await until(() => processStartedAs(pid).session === pid)
  const kin = createKin({ leader, cookie: null, output: nowhere })
  expect(kin().found).toHaveLength(2)

  shell.kill('SIGKILL')
  await once(shell, 'exit')

  expect(kin().found.map((one) => one.pid)).toEqual([pid])
  expect(createKin({ leader, cookie: null, output: nowhere })().found, 'whoever looks only now').toEqual([])
})

it('is not sure while its cgroup holds a process that was not there yet when it looked at the others', async () => {
  const leader = await started(spawn('sleep', ['1000'], { env, detached: true }))
  const isSureWith = (...members: readonly number[]) =>
    createKin({ leader, cookie: null, output: nowhere, cgroup: { pids: () => new Set(members) } })().isSure
  await until(() => isSureWith(leader.pid))
  expect(isSureWith(leader.pid, 2 ** 22 + 1)).toBe(false)
})

/** Gone after the test. */
async function started(child: ChildProcess) {
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  return processStartedAs(child.pid ?? 0)
}
