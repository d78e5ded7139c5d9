import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createExecutors, executorProblem, expectedProblems } from '../../src/runner/executors.ts'
import { createApp, noSandbox } from '../support/map.ts'
import { temporaryFolder } from './running.ts'

const hasSystemd = existsSync('/run/systemd/system')
const user = { name: 'alice' }
const apps = new Map(
  [
    createApp('blog', { executor: 'auto' }),
    createApp('plain', { executor: 'process' }),
    createApp('api', { executor: 'systemd' }),
    createApp('shop', { executor: 'auto', limits: { memoryBytes: 2 ** 30, cpuPercent: null, tasks: null } }),
    createApp('shut', { executor: 'auto', sandbox: { ...noSandbox, protectSystem: 'strict' } }),
  ].map((app) => [app.name, app]),
)

describe.skipIf(hasSystemd)('what is asked for and cannot be had where no systemd runs', () => {
  const because = 'cannot be had: this machine was not started by systemd'
  const told = [
    `apps.api: executor: systemd ${because}; use executor: process`,
    `apps.shop: limits ${because}; take it out`,
    `apps.shut: sandbox ${because}; take it out`,
  ]

  it('is told of every app at the start, and of none that asks for nothing', async () => {
    const logged: object[] = []
    const log = { info: (fields: object) => void logged.push(fields) }
    const executors = createExecutors({ stateDirectory: temporaryFolder(), stateId: 'test', user, uid: 0, log })
    expect(await executorProblem({ apps }, executors)).toBe(told.join('\n'))
    expect(logged).toEqual([{ executor: 'process', why: 'this machine was not started by systemd' }])
    expect(await executorProblem({ apps: new Map([...apps].slice(0, 2)) }, executors)).toBeNull()
  })

  it('is told by check before the start in the same words', async () => {
    expect(await expectedProblems(apps.values(), { user, uid: 0 })).toEqual(told)
  })
})

describe.skipIf(!hasSystemd)('what is asked for of a user who has no systemd of its own', () => {
  it('is told with both cures', async () => {
    const because =
      'cannot be had: the user alice has no systemd of its own; loginctl enable-linger alice, or run deployhook as root (with run_as)'
    expect(await expectedProblems(apps.values(), { user, uid: 54_321 })).toEqual([
      `apps.api: executor: systemd ${because}`,
      `apps.shop: limits ${because}`,
      `apps.shut: sandbox ${because}`,
    ])
  })

  it('is nothing as root, whose systemd can do all of it', async () => {
    expect(await expectedProblems(apps.values(), { user: { name: 'root' }, uid: 0 })).toEqual([])
  })
})
