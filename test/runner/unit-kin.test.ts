import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import { unitFiles } from '../../src/runner/unit-files.ts'
import { withoutHolder } from '../../src/runner/unit-kin.ts'
import { isAlive, temporaryFolder, until } from './running.ts'

it('ends who holds the pipe, and nobody outside the unit whose number has been noted', async () => {
  const files = unitFiles(temporaryFolder())
  const holder = spawn('sleep', ['60'])
  onTestFinished(() => void holder.kill('SIGKILL'))
  await once(holder, 'spawn')
  const pid = holder.pid ?? 0
  writeFileSync(files.notes, `holder ${pid}\nentered\n`)
  const members = new Set<number>()
  const unit = withoutHolder({ pids: () => members }, files)
  unit.endHolder()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(isAlive(pid)).toBe(true)
  members.add(pid)
  expect(unit.pids()).toEqual(new Set())
  unit.endHolder()
  await until(() => !isAlive(pid))
})
