import { describe, expect, it } from 'vitest'
import type { StepRecord } from '../../src/model/deployment.ts'
import { Secret } from '../../src/lib/secret.ts'
import { givenSecrets, type Left } from '../../src/runner/underway.ts'
import { goOnWith } from '../../src/worker/go-on.ts'
import { createDeployment } from '../support/deployment.ts'
import { createApp, revision } from '../support/map.ts'

const app = createApp('blog', { executor: 'auto' })
const at = new Date(0)

const left: Left = {
  ...{ deployment: 7, attempt: 2, fingerprint: app.fingerprint, boot: 'this one', phase: 'build', number: 2, index: 1 },
  secrets: givenSecrets(app),
  version: { revision: revision('a'), ref: 'refs/heads/main', directory: '/srv/blog', release: null },
  ...{ unit: 'deployhook-blog-7', startedAt: at.toISOString(), hasUnit: true },
}

function step(number: number, exitCode: number | null, attempt = 2): StepRecord {
  const finishedAt = exitCode === null ? null : at
  return { number, phase: 'build', name: 'make', attempt, exitCode, signal: null, startedAt: at, finishedAt }
}

function goOn(steps: readonly StepRecord[], change: Partial<Left> = {}, entry = app) {
  const deployment = { ...createDeployment({ id: 7, state: 'running', attempts: 2, steps }) }
  const claim = { deployment, isCancelled: false, owner: { id: 7, attempt: 2 } }
  return goOnWith(claim, { left: { ...left, ...change }, app: entry })?.step ?? null
}

describe('a deployment that an earlier daemon left running', () => {
  it('goes on with the step that is in its unit, running or ended unread', () => {
    expect(goOn([step(1, 0), step(2, null)])).toBe('attach')
  })

  it('starts again when its steps hold another secret than this daemon could hide in their log', () => {
    const holding = (text: string) =>
      createApp('blog', { executor: 'auto', env: new Map([['TOKEN', new Secret(text)]]) })
    const secrets = givenSecrets(holding('the old one'))
    expect(goOn([step(1, 0), step(2, null)], { secrets }, holding('the old one'))).toBe('attach')
    expect(goOn([step(1, 0), step(2, null)], { secrets }, holding('the new one'))).toBeNull()
    expect(secrets).not.toContain('old')
  })

  it('goes on with one that failed and whose unit still tells so', () => {
    expect(goOn([step(1, 0), step(2, 3)])).toBe('attach')
  })

  it('goes on after the step that was recorded as done, with or without its unit', () => {
    expect(goOn([step(1, 0), step(2, 0)], { hasUnit: false })).toBe('over')
  })

  it('goes on with the step that was about to be started', () => {
    expect(goOn([step(1, 0)], { hasUnit: false })).toBe('fresh')
  })

  it('does not go on where nothing is left of its step', () => {
    expect(goOn([step(1, 0), step(2, null)], { hasUnit: false })).toBeNull()
    expect(goOn([step(1, 0), step(2, 3)], { hasUnit: false })).toBeNull()
  })

  it('does not go on with what came after its steps', () => {
    expect(goOn([step(1, 0), step(2, 0), step(3, null)])).toBeNull()
  })

  it('does not go on with another attempt, or by another entry of deploy.yml', () => {
    expect(goOn([step(2, null)], { attempt: 1 })).toBeNull()
    expect(goOn([step(1, 0, 1), step(2, null, 1)])).toBeNull()
    expect(goOn([step(2, null)], {}, { ...app, fingerprint: 'another' })).toBeNull()
    expect(goOn([step(2, null)], {}, { ...app, executor: 'process' })).toBeNull()
  })
})
