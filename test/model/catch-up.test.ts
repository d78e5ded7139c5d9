import { describe, expect, it } from 'vitest'
import { judge, whatCatchUpWants } from '../../src/model/catch-up.ts'
import type { Deployment } from '../../src/model/deployment.ts'
import { globOf } from '../../src/model/glob.ts'
import { createApp, revision } from '../support/map.ts'

const main = 'refs/heads/main'
const [a, b, c] = [revision('a'), revision('b'), revision('c')]

describe('of an app with one branch catch-up wants', () => {
  const app = createApp('blog')
  const none = { seen: null, newest: null }

  it('its tip, whatever else there is', () => {
    const tips = new Map([
      [main, a],
      ['refs/heads/next', b],
      ['refs/tags/main', c],
    ])
    expect(whatCatchUpWants(app, { tips, ...none })).toEqual([{ ref: main, tip: a }])
  })

  it('nothing while the branch is not there', () => {
    expect(whatCatchUpWants(app, { tips: new Map([['refs/heads/next', b]]), ...none })).toEqual([])
  })
})

describe('of an app with globs catch-up wants', () => {
  const app = createApp('blog', { branch: null, branches: [globOf('main'), globOf('release/*')], tags: [globOf('v*')] })
  const tips = new Map([
    [main, a],
    ['refs/heads/release/1', b],
    ['refs/tags/v9', b],
    ['refs/tags/v10', c],
  ])
  const seen = { tips, newest: 7 }
  const newest = { id: 7, ref: main }
  const refsOf = (known: Omit<Parameters<typeof whatCatchUpWants>[1], 'tips'>) =>
    whatCatchUpWants(app, { tips, ...known }).map(({ ref }) => ref)
  const without = (...refs: readonly string[]) => ({
    ...seen,
    tips: new Map([...tips].filter(([ref]) => !refs.includes(ref))),
  })

  it('nothing at first sight, when nothing was ever deployed', () => {
    expect(refsOf({ seen: null, newest: null })).toEqual([])
  })

  it('the ref of the newest deployment, also at first sight', () => {
    expect(refsOf({ seen: null, newest })).toEqual([main])
    expect(refsOf({ seen, newest: { id: 7, ref: 'refs/tags/v9' } })).toEqual(['refs/tags/v9'])
    expect(refsOf({ seen, newest: { id: 7, ref: 'refs/heads/topic' } })).toEqual([])
  })

  it('then what is new, the highest tag first', () => {
    const fresh = without('refs/heads/release/1', 'refs/tags/v9', 'refs/tags/v10')
    expect(refsOf({ seen: fresh, newest })).toEqual([main, 'refs/tags/v10', 'refs/tags/v9', 'refs/heads/release/1'])
    expect(refsOf({ seen: { ...fresh, newest: 0 }, newest: null })).toEqual(refsOf({ seen: fresh, newest }).slice(1))
  })

  it('what has moved', () => {
    const moved = { ...seen, tips: new Map([...tips, ['refs/heads/release/1', c]]) }
    expect(refsOf({ seen: moved, newest })).toEqual([main, 'refs/heads/release/1'])
  })

  it('only a higher tag, when something else was deployed since it last looked', () => {
    const fresh = without('refs/heads/release/1', 'refs/tags/v10')
    expect(refsOf({ seen: fresh, newest: { id: 8, ref: main } })).toEqual([main])
    expect(refsOf({ seen: fresh, newest: { id: 8, ref: 'refs/tags/v9' } })).toEqual(['refs/tags/v9', 'refs/tags/v10'])
    expect(refsOf({ seen: fresh, newest: { id: 8, ref: 'refs/tags/v11' } })).toEqual([])
  })
})

describe('a candidate', () => {
  const app = createApp('blog')
  const live = { revision: a, ref: main, deployment: 5, fingerprint: 'now' }
  const ended = (outcome: Deployment['outcome'], change: Partial<Deployment> = {}): Deployment => ({
    ...{ id: 6, app: 'blog', ref: main, trigger: 'push', state: 'done', outcome, reason: null, message: null },
    ...{ requestedRevision: b, revision: b, supersededBy: null, delivery: null, attempts: 1, release: null },
    ...{ queuedAt: new Date(0), startedAt: null, finishedAt: null, adopt: false, steps: [] },
    ...{ exact: false, forced: false, approvedAt: null, approvedBy: null, askedBy: null, note: null, ...change },
  })
  const judged = (tip: typeof a, ...past: readonly Deployment[]) =>
    judge({ ref: main, tip }, { app, live, past, quarantine: [] })
  const unreached = ended('failed', { revision: null, reason: 'network' })

  it('is behind when its commit was never deployed, and when another is live in its place', () => {
    expect(judged(b)).toBe('behind')
    expect(judged(b, ended('succeeded', { id: 3 }))).toBe('behind')
    expect(judged(b, ended('superseded'))).toBe('behind')
    expect(judge({ ref: main, tip: b }, { app, live: { ...live, revision: null }, past: [], quarantine: [] })).toBe(
      'behind',
    )
  })

  it('is live when it is, however the entry has changed, and not once something else has touched the tree', () => {
    expect(judged(a)).toBe('live')
    const touched = { ...live, fingerprint: null }
    expect(
      judge({ ref: main, tip: a }, { app, live: touched, past: [ended('succeeded', { id: 5 })], quarantine: [] }),
    ).toBe('behind')
  })

  it('by another tag of the same commit is behind, since steps see the ref', () => {
    const tagged = createApp('blog', { branch: null, tags: [globOf('v*')] })
    expect(judge({ ref: 'refs/tags/v2', tip: a }, { app: tagged, live, past: [], quarantine: [] })).toBe('behind')
  })

  it.each(['failed', 'timed_out', 'cancelled', 'interrupted', 'rolled_back'] as const)(
    'is not tried again when its last deployment ended as %s',
    (outcome) => {
      expect(judged(b, ended(outcome))).toBe('failed')
      expect(judged(b, ended(outcome), ended('succeeded', { id: 2 }))).toBe('failed')
      expect(judged(b, ended('superseded'), ended(outcome))).toBe('failed')
    },
  )

  it('that was cancelled while it was queued is left alone too', () => {
    expect(judged(b, ended('cancelled', { revision: null }))).toBe('failed')
  })

  it('is tried again when only the remote could not be reached for it, twice', () => {
    expect(judged(b, unreached)).toBe('behind')
    expect(judged(b, unreached, unreached)).toBe('behind')
    expect(judged(b, unreached, unreached, unreached)).toBe('failed')
    expect(judged(b, ended('failed', { revision: null, reason: 'auth' }))).toBe('failed')
  })

  it('is in hand while it is queued or runs', () => {
    expect(judged(b, ended(null, { state: 'queued', revision: null }))).toBe('in_hand')
    expect(judged(b, ended(null, { state: 'running' }))).toBe('in_hand')
  })

  it.each(['paths', 'skip'])('that was skipped for %s stays so, until something else is live', (reason) => {
    expect(judged(b, ended('skipped', { reason }))).toBe('skipped')
    expect(judged(b, ended('skipped', { reason, id: 4 }))).toBe('behind')
    expect(judged(b, ended('skipped', { reason: 'app_removed', revision: null }))).toBe('behind')
  })
})
