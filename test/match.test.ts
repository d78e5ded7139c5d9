import { describe, expect, it } from 'vitest'
import { furthest, matchAll, matchApps } from '../src/match.ts'
import { ignoredReasons } from '../src/model/delivery.ts'
import type { App } from '../src/model/deploy-map.ts'
import { globOf } from '../src/model/glob.ts'
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

  it('by its name before or after it was renamed, with or without the host', () => {
    const renamed = { names: ['github.com/acme/weblog', 'acme/weblog'] }
    const apps = [['acme/weblog'], ['github.com/acme/weblog'], ['gitlab.com/acme/weblog'], []].map((aliases, index) =>
      createApp(`app-${index}`, { aliases }),
    )
    expect(judged(renamed, ...apps)).toEqual({ 'app-0': null, 'app-1': null })
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

describe('an app that deploys by globs', () => {
  const branches = [globOf('main'), globOf('release/*')]
  const tags = [globOf('v*')]

  it.each([
    ['refs/heads/main', null],
    ['refs/heads/release/2', null],
    ['refs/tags/v1', null],
    ['refs/heads/release/2/x', 'branch'],
    ['refs/heads/v1', 'branch'],
    ['refs/tags/main', 'tag'],
    ['refs/tags/1', 'tag'],
    ['refs/pull/1/head', 'branch'],
  ])('judges a push to %s', (ref, reason) => {
    const app = createApp('blog', { branch: null, branches, tags })
    const [match] = matchApps({ ...push, ref }, 'github', createMap([app]))
    expect(match).toMatchObject({ ref, reason })
  })

  it('takes what a ref is called for text, whatever characters are in it', () => {
    const app = createApp('blog', { branch: null, branches: [globOf('$(x)+.|^')] })
    expect(judged({ ref: 'refs/heads/$(x)+.|^' }, app)).toEqual({ blog: null })
    expect(judged({ ref: 'refs/heads/main' }, app)).toEqual({ blog: 'branch' })
  })

  it('wants nothing of a push that deletes, and nothing of one that names no ref', () => {
    const app = createApp('blog', { branch: null, tags })
    expect(judged({ ref: 'refs/tags/v1', after: null, deleted: true }, app)).toEqual({ blog: 'deleted' })
    expect(judged({ app: 'blog', ref: null }, app)).toEqual({ blog: 'branch' })
  })
})

describe('several refs in one delivery', () => {
  const main = { ...push, after: revision('c') }
  const release = { ...push, ref: 'refs/heads/release/2' }
  const app = createApp('blog', { branch: null, branches: [globOf('main'), globOf('release/*')] })

  it('are one deployment of an app that wants several of them: the last wins', () => {
    expect(matchAll([main, release], 'github', createMap([app]))).toEqual({
      wanted: [{ app: 'blog', ref: 'refs/heads/release/2', requestedRevision: revision('b') }],
      ignored: [],
      told: release,
    })
    expect(matchAll([release, main], 'github', createMap([app])).wanted).toEqual([
      { app: 'blog', ref: 'refs/heads/main', requestedRevision: revision('c') },
    ])
  })

  it('deploy what they name of it, though the last of them is not wanted', () => {
    const topic = { ...push, ref: 'refs/heads/topic' }
    const gone = { ...release, after: null, deleted: true }
    expect(matchAll([main, gone, topic], 'github', createMap([app]))).toEqual({
      wanted: [{ app: 'blog', ref: 'refs/heads/main', requestedRevision: revision('c') }],
      ignored: [],
      told: main,
    })
    expect(matchAll([gone, topic], 'github', createMap([app])).ignored).toEqual([{ app: 'blog', reason: 'deleted' }])
  })

  it('are told by the one that came nearest, or the first when the map knows none', () => {
    const topic = { ...push, ref: 'refs/heads/topic' }
    const gone = { ...release, after: null, deleted: true }
    expect(matchAll([topic, gone, topic], 'github', createMap([app])).told).toBe(gone)
    expect(matchAll([topic, gone], 'github', createMap([])).told).toBe(topic)
  })
})

describe('a push whose newest commit says one of the texts of skip', () => {
  const app = createApp('blog', { skip: ['[skip deploy]', 'no-deploy'] })
  const said = (message: string) => judged({ headCommit: { message, author: null } }, app)

  it('is not wanted, in upper or lower case and on any line', () => {
    expect(said('Typo\n\n[Skip Deploy]')).toEqual({ blog: 'skip' })
    expect(said('NO-DEPLOY: docs')).toEqual({ blog: 'skip' })
  })

  it('is wanted when it says none of them, when the host sent no message, and where the app has no texts', () => {
    expect(said('skip deploy')).toEqual({ blog: null })
    expect(judged({ headCommit: null }, app)).toEqual({ blog: null })
    expect(judged({ headCommit: { message: '[skip deploy]', author: null } }, createApp('shop'))).toEqual({
      shop: null,
    })
  })

  it('is told as deleted or of another branch first', () => {
    const headCommit = { message: '[skip deploy]', author: null }
    expect(judged({ headCommit, deleted: true, after: null }, app)).toEqual({ blog: 'deleted' })
    expect(judged({ headCommit, ref: 'refs/heads/next' }, app)).toEqual({ blog: 'branch' })
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
