import { describe, expect, it } from 'vitest'
import { alreadyLive, asksToBeSkipped, isToldByMessage } from '../../src/model/already-live.ts'
import { createApp, globOf, revision } from '../support/map.ts'

const app = createApp('blog', { fingerprint: 'now', branch: null, tags: [globOf('v*')] })
const deployment = { trigger: 'push', ref: 'refs/tags/v1' } as const
const live = { revision: revision('a'), ref: 'refs/tags/v1', deployment: 7, fingerprint: 'now' }

describe('a deployment changes nothing', () => {
  it('when its commit is live by the same ref and the same entry', () => {
    expect(alreadyLive(revision('a'), { deployment, live, app })).toEqual({
      reason: 'already_live',
      message: 'aaaaaaaa is live since deployment 7',
    })
  })
})

describe('a deployment goes on', () => {
  it.each([
    ['its commit is another', { tip: revision('b') }],
    ['the same commit is live by another tag', { live: { ...live, ref: 'refs/tags/v0' } }],
    ['the entry has changed', { app: { ...app, fingerprint: 'then' } }],
    ['it is not known what the tree holds', { live: { ...live, fingerprint: null } }],
    ['a person asked for it', { deployment: { ...deployment, trigger: 'manual' } as const }],
  ])('when %s', (_when, { tip = revision('a'), ...change }: { tip?: ReturnType<typeof revision> } & object) => {
    expect(alreadyLive(tip, { deployment, live, app, ...change })).toBeNull()
  })
})

describe('a commit that asks not to be deployed', () => {
  const skipping = createApp('blog', { skip: ['[skip deploy]'] })

  it('is skipped when no delivery has told its message before', () => {
    expect(isToldByMessage({ deployment: { trigger: 'catch-up', ref: 'refs/heads/main' }, live, app: skipping })).toBe(
      true,
    )
    expect(isToldByMessage({ deployment, live, app: skipping })).toBe(false)
    expect(asksToBeSkipped('Typo\n\n[Skip Deploy]', skipping)).toMatchObject({ reason: 'skip' })
    expect(asksToBeSkipped('Typo', skipping)).toBeNull()
    expect(asksToBeSkipped(null, skipping)).toBeNull()
  })
})
