import { describe, expect, it } from 'vitest'
import {
  alreadyLive,
  asksToBeSkipped,
  countedFrom,
  inQuarantine,
  isToldByMessage,
  nothingChanged,
} from '../../src/model/already-live.ts'
import { globOf } from '../../src/model/glob.ts'
import { createPathFilter } from '../../src/model/path-filter.ts'
import { createApp, revision } from '../support/map.ts'

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

describe('a commit that was rolled back', () => {
  const pushed = { app: 'blog', trigger: 'push', exact: false, forced: false } as const
  const rolledBack = { app: 'blog', revision: revision('b'), deployment: 7, reason: 'unhealthy', at: new Date(0) }
  const judged = (change: object, tip = revision('b')) =>
    inQuarantine(tip, { deployment: { ...pushed, ...change }, quarantine: [rolledBack] })

  it('is left at that, with the command that deploys it all the same', () => {
    expect(judged({})).toEqual({
      reason: 'quarantined',
      message:
        'bbbbbbbb is in quarantine: it was rolled back by deployment 7; push a newer commit, or deploy it all the same: deployhook deploy blog --force',
    })
    expect(judged({ trigger: 'manual' })?.message).toContain('deployhook deploy blog --force')
    expect(judged({ trigger: 'manual', exact: true })?.message).toContain(`--revision ${revision('b')} --force`)
  })

  it('is deployed again by a retry, a rollback or when it is forced, and so is any other', () => {
    for (const change of [{ trigger: 'retry' }, { trigger: 'rollback' }, { trigger: 'manual', forced: true }])
      expect(judged(change)).toBeNull()
    expect(judged({}, revision('a'))).toBeNull()
  })
})

describe('changed files', () => {
  const shop = { ...app, paths: createPathFilter(['shop/**', '!**/*.md']) }

  it('are counted from what is live, for an automatic deployment of an app with paths', () => {
    expect(countedFrom({ deployment, live, app: shop })).toBe(revision('a'))
  })

  it.each([
    ['the app has no paths', { app }],
    ['a person asked for it', { deployment: { ...deployment, trigger: 'manual' } as const }],
    ['the entry has changed', { app: { ...shop, fingerprint: 'then' } }],
    ['it is not known what is live', { live: { ...live, revision: null } }],
  ])('decide nothing when %s', (_when, change: object) => {
    expect(countedFrom({ deployment, live, app: shop, ...change })).toBeNull()
  })

  it('are a reason to leave it at that when none of them is wanted', () => {
    expect(nothingChanged(['blog/a', 'shop/a.md'], { deployment, live, app: shop })).toEqual({
      reason: 'paths',
      message: '2 files have changed, none below paths; aaaaaaaa is live since deployment 7',
    })
  })

  it('are none when one of them is wanted, or when they are not known', () => {
    expect(nothingChanged(['blog/a', 'shop/a'], { deployment, live, app: shop })).toBeNull()
    expect(nothingChanged(null, { deployment, live, app: shop })).toBeNull()
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
