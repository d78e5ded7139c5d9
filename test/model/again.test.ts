import { describe, expect, it } from 'vitest'
import { toDeployAgain } from '../../src/model/again.ts'
import type { Deployment } from '../../src/model/deployment.ts'
import { createDeployment } from '../support/deployment.ts'
import { revision } from '../support/map.ts'

const ended = new Date('2026-03-01T12:00:00Z')
const after = (seconds: number): Date => new Date(ended.getTime() + seconds * 1_000)
const full = (change: Partial<Deployment> = {}): Deployment =>
  createDeployment({ reason: 'disk_full', finishedAt: ended, requestedRevision: revision('a'), ...change })

describe('now that there is room', () => {
  it.each([
    ['what failed for want of it is deployed again', [full(), createDeployment({ outcome: 'succeeded' })], true],
    ['also when a superseded one came after it', [createDeployment({ outcome: 'superseded' }), full()], true],
    ['but not what failed for another reason', [createDeployment()], false],
    ['nor what has been followed by another', [createDeployment({ outcome: 'succeeded' }), full()], false],
    [
      'nor while another is queued',
      [createDeployment({ state: 'queued', outcome: null, reason: null }), full()],
      false,
    ],
    ['nor a rollback: the newest would be made in its place', [full({ trigger: 'rollback', exact: true })], false],
    ['nor what was never there', [], false],
  ])('%s', (_, past, isAgain) => {
    expect(toDeployAgain(past, after(0)) !== null).toBe(isAgain)
  })

  it('what fills the disk by itself waits twice as long each time, up to an hour', () => {
    const again = full({ trigger: 'catch-up' })
    expect(toDeployAgain([again, full()], after(3))).toBe('later')
    expect(toDeployAgain([again, full()], after(4))).toMatchObject({ reason: 'disk_full' })
    expect(toDeployAgain([again, again, full()], after(7))).toBe('later')
    const many = Array.from({ length: 16 }, () => again)
    expect(toDeployAgain(many, after(3_599))).toBe('later')
    expect(toDeployAgain(many, after(3_600))).toMatchObject({ reason: 'disk_full' })
  })

  it('what was pushed again and again while there was none has not waited yet', () => {
    expect(toDeployAgain([full(), full(), full()], after(0))).toMatchObject({ reason: 'disk_full' })
  })

  it('another push has not waited yet', () => {
    const again = full({ trigger: 'catch-up' })
    expect(toDeployAgain([full({ requestedRevision: revision('b') }), again, again, full()], after(0))).toMatchObject({
      requestedRevision: revision('b'),
    })
  })
})
