import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startRunning } from './running.ts'

describe('pipes that wait for a command', () => {
  it('of a daemon before are removed by the first command of the next, and nothing else is', async () => {
    const running = startRunning()
    const pipes = join(running.folder, 'pipes')
    mkdirSync(join(pipes, 'pipe-old'), { recursive: true })
    writeFileSync(join(pipes, 'pipe-old/7'), '')
    mkdirSync(join(running.folder, 'pipe-beside'))

    expect((await running.sh('echo made')).output.toString()).toContain('made')
    expect(readdirSync(pipes)).not.toContain('pipe-old')
    expect(readdirSync(running.folder)).toContain('pipe-beside')
  })

  it('are made for several commands at once, and one that is used has no name left', async () => {
    const running = startRunning()
    await running.sh('true')
    const [batch = ''] = readdirSync(join(running.folder, 'pipes'))
    const waiting = () => readdirSync(join(running.folder, 'pipes', batch)).length
    const before = waiting()
    await running.sh('true')

    expect(waiting()).toBe(before - 1)
    expect(readdirSync(join(running.folder, 'pipes'))).toEqual([batch])
  })
})
