import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readProgram } from '../../src/runner/exec.ts'
import { createServiceManager } from '../../src/runner/service-manager.ts'
import { temporaryFolder } from './running.ts'

const hasSystemctl = (await readProgram(['sh', '-c', 'command -v systemctl'], { timeoutMs: 10_000 })).exitCode === 0

it.skipIf(!hasSystemctl)('does not wait for ever for a systemd that takes the question and never answers', async () => {
  const runtimeDirectory = temporaryFolder()
  mkdirSync(join(runtimeDirectory, 'systemd'))
  let asked = 0
  const silent = createServer((socket) => {
    asked += 1
    socket.resume().on('error', () => undefined)
  }).listen(join(runtimeDirectory, 'systemd/private'))
  onTestFinished(() => void silent.close())
  const manager = createServiceManager({ stateId: 'test', runtimeDirectory, timeoutMs: 300 })
  await expect(manager.look('a-unit')).rejects.toThrow('systemctl could not tell of a-unit: it did not answer in time')
  expect(asked).toBe(1)
})
