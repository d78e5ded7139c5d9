import { describe, expect, it } from 'vitest'
import { stepFailure, type StepFacts } from '../../src/runner/step-failure.ts'
import { command, createDeploying, script } from './deploying.ts'

describe('a step that used sudo', () => {
  const exit1 = { kind: 'exited', exitCode: 1, leftovers: 0 } as const

  it.each([script('sudo systemctl restart blog'), command(['/usr/bin/sudo', 'true'])])(
    'is told that it cannot work under NoNewPrivileges',
    (step) => {
      const message = 'sudo cannot work under NoNewPrivileges=yes of the service'
      expect(stepFailure(exit1, facts({ step, noNewPrivileges: true }))?.message).toContain(message)
    },
  )

  it.each([
    ['the service allows new privileges', { step: script('sudo true'), noNewPrivileges: false }],
    ['the step only has sudo in a longer word', { step: script('./pseudosudoku'), noNewPrivileges: true }],
  ])('is told nothing of the kind when %s', (_, changed) => {
    expect(stepFailure(exit1, facts(changed))?.message).toBe('step 1/1 (s) failed with exit code 1')
  })
})

describe('a step that succeeded', () => {
  it('is no failure, whatever it left behind', () => {
    expect(stepFailure({ kind: 'exited', exitCode: 0, leftovers: 3 }, facts({}))).toBeNull()
  })
})

function facts(changed: Partial<StepFacts>): StepFacts {
  const { app } = createDeploying().job()
  return {
    app,
    directory: app.path,
    step: script('true'),
    label: 'step 1/1 (s)',
    searchPath: '/bin',
    noNewPrivileges: false,
    runAs: null,
    ...changed,
  }
}
