import { expect, it } from 'vitest'
import { leftInTree } from '../../src/model/left-in-tree.ts'
import type { Deployment, Phase } from '../../src/model/deployment.ts'
import { createDeployment } from '../support/deployment.ts'
import { revision } from '../support/map.ts'

const step = (phase: Phase) => ({ phase }) as Deployment['steps'][number]
const failed = (change: Partial<Deployment> = {}): Deployment =>
  createDeployment({
    ...{ state: 'done', outcome: 'failed', reason: 'step_failed', revision: revision('b'), steps: [step('build')] },
    ...change,
  })

it.each<[string, Deployment, 'in-place' | 'releases', boolean]>([
  ['is the one whose steps failed', failed(), 'in-place', true],
  ['is none with releases before the switch', failed({ release: null }), 'releases', false],
  ['is the one that was switched to and stayed', failed({ release: '20260101-000000-b' }), 'releases', true],
  [
    'is none with releases after the way back',
    failed({ release: '20260101-000000-b', steps: [step('rollback')] }),
    'releases',
    false,
  ],
  ['is none of one that succeeded', failed({ outcome: 'succeeded' }), 'in-place', false],
  ['is none of one that failed before its first step', failed({ steps: [] }), 'in-place', false],
  ['is none after the way back', failed({ outcome: 'rolled_back' }), 'in-place', false],
  [
    'is none after a cancel that went back',
    failed({ outcome: 'cancelled', steps: [step('build'), step('rollback')] }),
    'in-place',
    false,
  ],
  [
    'is the one whose way back failed too',
    failed({ reason: 'rollback_failed', steps: [step('build'), step('rollback')] }),
    'in-place',
    true,
  ],
])('what a deployment left in the tree %s', (_, deployment, strategy, isLeft) => {
  expect(leftInTree(deployment, { strategy })).toBe(isLeft ? revision('b') : null)
})
