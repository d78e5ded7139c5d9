import { existsSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { StepCommand } from '../../../src/model/deploy-map.ts'
import { check, openAsk } from './asking.ts'

const script = (text: string): StepCommand => ({ kind: 'script', shell: 'sh', text })

describe('a command check', () => {
  it('passes when it ends with 0, with the environment and directory of the steps; the log has its output', async () => {
    const opened = openAsk()
    const run = script('echo "$GREETING from $PWD"; echo "$DEPLOYHOOK_COOKIE"')
    expect(await opened.try(check({ kind: 'command', run }))).toEqual({ kind: 'well' })
    expect(opened.output()).toBe(`hello from ${opened.folder}\n${opened.cookie}.health-1\n`)
    expect(readdirSync(opened.scripts)).toEqual([])
  })

  it.each([
    ['exit 3', 'ended with exit code 3'],
    ['kill -9 $$', 'was ended by SIGKILL'],
  ])('fails when it does %s', async (text, why) => {
    expect(await openAsk().try(check({ kind: 'command', run: script(text) }))).toEqual({ kind: 'sick', why })
  })

  it('fails when it cannot be started', async () => {
    const run: StepCommand = { kind: 'argv', argv: ['is-it-well'] }
    expect(await openAsk().try(check({ kind: 'command', run }))).toEqual({
      kind: 'sick',
      why: 'could not be started: there is no command "is-it-well" in PATH (/usr/local/bin:/usr/bin:/bin)',
    })
  })

  it('is ended with its children when its time is up', async () => {
    const run = script('sleep 1000 & wait')
    const opened = openAsk()
    expect(await opened.try(check({ kind: 'command', run }, { timeoutMs: 150 }))).toEqual({
      kind: 'sick',
      why: 'took longer than 150ms',
    })
    expect(existsSync(opened.scripts) ? readdirSync(opened.scripts) : []).toEqual([])
  })
})
