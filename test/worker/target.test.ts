import { describe, expect, it } from 'vitest'
import { targetOf } from '../../src/worker/target.ts'
import { createDeployment } from '../support/deployment.ts'
import { revision } from '../support/map.ts'

const releases = { strategy: 'releases' } as const
const inPlace = { strategy: 'in-place' } as const
const requestedRevision = revision('a')

describe('what is deployed', () => {
  it('is the tip, whatever was pushed', () => {
    expect(targetOf(createDeployment({ requestedRevision }), releases)).toBeNull()
  })

  it('is exactly what was asked for or approved', () => {
    for (const trigger of ['manual', 'push'] as const)
      expect(
        targetOf(createDeployment({ requestedRevision, exact: true, trigger, release: 'its own' }), releases),
      ).toEqual({
        kind: 'exact',
        revision: requestedRevision,
      })
  })

  it('by a rollback is a release that is there, or an earlier revision where there is none', () => {
    const rollback = createDeployment({ requestedRevision, exact: true, trigger: 'rollback', release: 'r1' })
    expect(targetOf(rollback, releases)).toEqual({ kind: 'release', name: 'r1' })
    const earlier = { kind: 'earlier', revision: requestedRevision }
    expect(targetOf(rollback, inPlace)).toEqual(earlier)
    expect(targetOf({ ...rollback, release: null }, releases)).toEqual(earlier)
  })
})
