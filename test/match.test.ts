import { describe, expect, it } from 'vitest'
import { furthest, matchApps } from '../src/match.ts'
import { ignoredReasons } from '../src/model/delivery.ts'
import type { App } from '../src/model/deploy-map.ts'
import type { PushEvent } from '../src/model/push-event.ts'
import { createApp, createMap, revision } from './support/map.ts'

const push: PushEvent = {
  repository: 'acme/blog',
  names: ['github.com/acme/blog', 'acme/blog'],
  app: null,
  ref: 'refs/heads/main',
  before: revision('a'),
  after: revision('b'),
  deleted: false,
  forced: false,
  headCommit: null,
  pusher: null,
}

/** `name: null` for an app that wants the push, `name: reason` for one that it reached, nothing for the others. */
function judged(change: Partial<PushEvent>, ...apps: readonly App[]): Record<string, string | null> {
  const matches = matchApps({ ...push, ...change }, 'github', createMap(apps))
  return Object.fromEntries(matches.map(({ app, reason }) => [app.name, reason]))
}

describe('a push reaches an app', () => {
  it('by the identity of its clone URL, however that is written', () => {
    const https = createApp('https', { repo: 'https://github.com/Acme/Blog.git' })
    const ssh = createApp('ssh', { repo: 'git@github.com:acme/blog' })
    expect(judged({}, https, ssh)).toEqual({ https: null, ssh: null })
  })

  it('by an alias', () => {
    const app = createApp('blog', { repo: '/srv/git/blog.git', aliases: ['acme/blog'] })
    expect(judged({}, app)).toEqual({ blog: null })
  })

  it('and every other app of the repository, each judged for itself', () => {
    const main = createApp('main')
    const next = createApp('next', { branch: 'next' })
    const other = createApp('other', { repo: 'https://github.com/acme/shop.git' })
    expect(judged({}, main, next, other)).toEqual({ main: null, next: 'branch' })
  })

  it.each([
    'https://github.com/acme/blog2.git',
    'https://github.com/acme/blo.git',
    'https://gitlab.com/acme/blog.git',
    'https://github.com/acme/blog/wiki.git',
    'https://github.com/\u0430cme/blog.git',
    'acme@github.com:blog.git',
    '/acme/blog.git',
  ])('but not one of %s', (repo) => {
    expect(judged({}, createApp('blog', { repo }))).toEqual({})
  })

  it('and no app at all when the map is empty or the push names nothing', () => {
    expect(judged({})).toEqual({})
    expect(judged({ names: [] }, createApp('blog'))).toEqual({})
  })
})

describe('a push that names an app instead of a repository', () => {
  it('reaches that app alone, with the branch that it deploys', () => {
    const named = { ...push, repository: null, names: [], app: 'blog', ref: null }
    const map = createMap([createApp('blog', { branch: 'live' }), createApp('shop')])
    expect(matchApps(named, 'standard', map)).toMatchObject([
      { app: { name: 'blog' }, ref: 'refs/heads/live', reason: null },
    ])
    expect(matchApps({ ...named, app: 'toString' }, 'standard', map)).toEqual([])
  })
})

describe('a push that reached an app is not for it', () => {
  it('when the app wants another webhook', () => {
    expect(judged({}, createApp('blog', { webhook: 'gitlab' }))).toEqual({ blog: 'webhook' })
    expect(judged({}, createApp('blog', { webhook: 'github' }))).toEqual({ blog: null })
  })

  it.each([
    ['refs/tags/main', 'tag'],
    ['refs/tags/refs/heads/main', 'tag'],
    ['refs/heads/next', 'branch'],
    ['refs/heads/Main', 'branch'],
    ['refs/heads/main/2', 'branch'],
    ['refs/heads/mai', 'branch'],
    ['refs/heads/refs/heads/main', 'branch'],
    ['refs/pull/1/head', 'branch'],
    ['refs/remotes/origin/main', 'branch'],
  ])('when it is to %s', (ref, reason) => {
    expect(judged({ ref }, createApp('blog'))).toEqual({ blog: reason })
  })

  it('when it deletes the branch', () => {
    expect(judged({ after: null, deleted: true }, createApp('blog'))).toEqual({ blog: 'deleted' })
  })

  it('and of several reasons the first on the way is told', () => {
    const elsewhere = createApp('blog', { webhook: 'gitlab' })
    expect(judged({ after: null, ref: 'refs/heads/next' }, elsewhere)).toEqual({ blog: 'webhook' })
    expect(judged({ after: null, ref: 'refs/heads/next' }, createApp('blog'))).toEqual({ blog: 'branch' })
  })

  it('whatever else it says: a new branch and a forced push are pushes like any other', () => {
    expect(judged({ before: null, forced: true }, createApp('blog'))).toEqual({ blog: null })
  })
})

describe('the reason that is told of a push nobody wants', () => {
  it('is that no app has the repository when none was reached', () => {
    expect(furthest([])).toBe('no_app')
  })

  it.each(ignoredReasons.slice(ignoredReasons.indexOf('no_app')))(
    'is %s when that is the furthest any app got',
    (reason) => {
      const nearer = ignoredReasons.slice(0, ignoredReasons.indexOf(reason) + 1)
      const ignored = nearer.map((one, number) => ({ app: `app-${number}`, reason: one }))
      expect(furthest(ignored)).toBe(reason)
      expect(furthest(ignored.toReversed())).toBe(reason)
    },
  )
})
