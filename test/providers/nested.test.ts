import { describe, expect, it } from 'vitest'
import { providers } from '../../src/providers/index.ts'
import { parsed, sample, sentBy } from './fixtures.ts'
import { revision } from '../support/map.ts'

const secret = `whsec_${'c2VjcmV0'.repeat(4)}`

/** The body of a push in the provider's own words, with one field of it made another. */
function problemOf(name: keyof typeof providers, field: readonly (string | number)[], value: unknown): string {
  const provider = providers[name]
  const { event, body } = provider.compose({ ...sample, before: revision('a'), after: revision('b') })
  const root = { body: JSON.parse(body.toString()) as unknown }
  const [last, ...way] = ['body', ...field].reverse()
  let holder: unknown = root
  for (const key of way.reverse()) holder = (holder as Record<string | number, unknown>)[key]
  ;(holder as Record<string | number, unknown>)[last ?? ''] = value
  const answer = parsed(provider, sentBy(provider, root.body, { secret, event }), secret)
  return answer.kind === 'malformed' ? answer.problem : JSON.stringify(answer)
}

const mustBeId = /must be a commit id/
const mustBeRef = /must be (?:a full ref name|the name of a branch)/

describe.each([
  ['bitbucket', ['push', 'changes', 0, 'new', 'name'], mustBeRef],
  ['bitbucket', ['push', 'changes', 0, 'new', 'target', 'hash'], mustBeId],
  ['bitbucket', ['push', 'changes', 0, 'old', 'target', 'hash'], mustBeId],
  ['bitbucket', ['push', 'changes'], /^push.changes: must be a list$/],
  ['bitbucket', ['repository', 'full_name'], /^repository.full_name: must be a repository name/],
  ['bitbucket-datacenter', ['changes', 0, 'ref', 'id'], mustBeRef],
  ['bitbucket-datacenter', ['changes', 0, 'fromHash'], mustBeId],
  ['bitbucket-datacenter', ['changes', 0, 'toHash'], mustBeId],
  ['bitbucket-datacenter', ['changes'], /^changes: must be a list$/],
  ['bitbucket-datacenter', ['repository', 'slug'], /^repository.slug: must be a repository name/],
  ['bitbucket-datacenter', ['repository', 'project', 'key'], /^repository.project.key: must be a repository name/],
  ['azure', ['resource', 'refUpdates', 0, 'name'], mustBeRef],
  ['azure', ['resource', 'refUpdates', 0, 'oldObjectId'], mustBeId],
  ['azure', ['resource', 'refUpdates', 0, 'newObjectId'], mustBeId],
  ['azure', ['resource', 'refUpdates'], /set "Resource details to send" to All/],
  ['azure', ['resource'], /set "Resource details to send" to All/],
] as const)('a push of %s whose %j is wrong', (name, field, problem) => {
  it.each([undefined, 7, true, 'a..b\n', {}])('is malformed: %j', (value) => {
    expect(problemOf(name, field, value)).toMatch(problem)
  })
})

describe.each([
  ['bitbucket', ['push', 'changes']],
  ['bitbucket-datacenter', ['changes']],
  ['azure', ['resource', 'refUpdates']],
] as const)('a push of %s that moved 50 refs', (name, field) => {
  it('is 50 pushes, branches and tags, new ones and deleted ones, in their order', () => {
    const provider = providers[name]
    const moved = Array.from({ length: 50 }, (_, index) => {
      const ref = index % 2 === 0 ? `refs/heads/b${index}` : `refs/tags/t${index}`
      return { ref, before: index % 3 === 1 ? null : revision('a'), after: index % 3 === 2 ? null : revision('b') }
    })
    const bodies = moved.map((one) => JSON.parse(provider.compose({ ...sample, ...one }).body.toString()) as Nested)
    const listOf = (body: Nested): unknown[] => field.reduce((holder, key) => holder[key] as Nested, body) as never
    const [first = expect.fail()] = bodies
    listOf(first).push(...bodies.slice(1).flatMap(listOf))

    const { event } = provider.compose(sample)
    const answer = parsed(provider, sentBy(provider, first, { secret, event }), secret)
    const told = answer.kind === 'pushes' ? answer.pushes : []
    expect(told.map(({ ref, before, after }) => ({ ref, before, after }))).toEqual(moved)
  })
})

describe('what only people read of a push', () => {
  const commit = { commitId: revision('b'), comment: 'Fix', author: { name: 'ada' } }

  it.each([
    ['azure', ['resource', 'commits'], [1, null, {}, { commitId: 7 }, commit]],
    ['bitbucket-datacenter', ['repository', 'links', 'clone'], [1, null, { href: 7 }]],
  ] as const)('%s: is passed over one by one where %j holds anything else', (name, field, value) => {
    const answer = JSON.parse(problemOf(name, field, value)) as Parsed
    expect(answer.kind).toBe('pushes')
    if (name === 'azure') expect(answer.pushes[0]?.headCommit).toEqual({ message: 'Fix', author: 'ada' })
  })
})

type Parsed = { readonly kind: string; readonly pushes: readonly { readonly headCommit: unknown }[] }

type Nested = { readonly [key: string]: unknown }

describe('a change of bitbucket-datacenter', () => {
  const provider = providers['bitbucket-datacenter']
  const told = (change: object): unknown => {
    const { event, body } = provider.compose({ ...sample, before: revision('a'), after: revision('b') })
    const push = JSON.parse(body.toString()) as { changes: object[] }
    push.changes = push.changes.map((one) => ({ ...one, ...change }))
    return parsed(provider, sentBy(provider, push, { secret, event }), secret)
  }

  it.each([{ type: 'DELETE' }, { toHash: '0'.repeat(40) }, { toHash: '0'.repeat(64) }])(
    'that is %j deletes',
    (change) => {
      expect(told(change)).toMatchObject({
        pushes: [{ before: revision('a'), after: null, deleted: true, headCommit: null }],
      })
    },
  )

  it('of any other type deletes nothing', () => {
    for (const type of ['UPDATE', 'ADD', 'delete', null])
      expect(told({ type })).toMatchObject({ pushes: [{ after: revision('b'), deleted: false }] })
  })
})

describe('a delivery to a webhook of the kind standard', () => {
  const problem = (body: object): unknown => {
    const answer = parsed(providers.standard, sentBy(providers.standard, body, { secret }), secret)
    return answer.kind === 'malformed' ? answer.problem : answer.kind
  }

  it.each([
    [{}, 'repository: give a repository (with a ref) or an app, and not both'],
    [
      { app: 'blog', repository: 'github.com/acme/blog' },
      'repository: give a repository (with a ref) or an app, and not both',
    ],
    [{ repository: 'github.com/acme/blog' }, 'ref: must be a full ref name such as refs/heads/main'],
    [{ repository: 'github.com/acme/blog', ref: 'main' }, 'ref: must be a full ref name such as refs/heads/main'],
    [
      { repository: 'blog', ref: 'refs/heads/main' },
      'repository: must be a clone URL or host/path, such as github.com/acme/blog',
    ],
    [{ repository: 7, ref: 'refs/heads/main' }, 'repository: must be a clone URL or host/path'],
    [{ app: 'Blog' }, 'app: must be the name of an app in deploy.yml'],
    [{ app: 'blog', after: 'HEAD' }, 'after: must be a commit id: 40 or 64 lower-case hex digits'],
    [{ app: 'blog', deleted: 'no' }, 'deleted: must be true or false'],
    [{ app: 'blog', branch: 'staging' }, 'branch: write ref instead, such as refs/heads/main'],
    [{ app: 'blog', tag: null }, 'tag: write ref instead, such as refs/tags/v1.2'],
    [{ repo: 'github.com/acme/blog', ref: 'refs/heads/main' }, 'repo: write repository instead'],
    [{ clone_url: 'https://github.com/acme/blog.git' }, 'clone_url: write repository instead'],
    [
      { type: 'deploy', repository_url: 'https://github.com/acme/blog.git' },
      'repository_url: write repository instead',
    ],
    [{ app: 'blog', sha: 'a'.repeat(40) }, 'sha: write after instead'],
    [{ app: 'blog', commit: 'a'.repeat(40) }, 'commit: write after instead'],
    [{ app: 'blog', revision: 'a'.repeat(40) }, 'revision: write after instead'],
    [{ type: 'deploy', ref: 'refs/heads/main' }, 'repository: give a repository (with a ref) or an app, and not both'],
    [{ type: 'push' }, 'repository: give a repository (with a ref) or an app, and not both'],
    [{ type: 7 }, 'repository: give a repository (with a ref) or an app, and not both'],
  ])('%j is malformed, with the cure', (body, told) => {
    expect(problem(body)).toBe(told)
  })

  it.each([
    { app: 'blog', reff: 'refs/heads/staging' },
    { app: 'blog', Ref: 'refs/heads/staging' },
    { app: 'blog', environment: 'staging' },
    JSON.parse('{ "app": "blog", "__proto__": { "ref": "refs/heads/staging" } }') as object,
  ])('%j is malformed: a key that is passed over might have meant another deployment', (body) => {
    expect(problem(body)).toBe(
      'unknown key: only repository, app, ref, before, after, deleted, message, pusher count; put the rest into data',
    )
  })

  it.each([
    [{ type: 'ping' }, { event: 'ping', reason: 'ping' }],
    [
      { type: 'webhook.test', data: {} },
      { event: 'webhook.test', reason: 'ping' },
    ],
    [
      { type: 'ping', app: 'blog' },
      { event: 'ping', reason: 'ping' },
    ],
    [
      { type: 'invoice.paid', timestamp: '2026-03-01', object: 7 },
      { event: 'invoice.paid', reason: 'event' },
    ],
  ])('%j is an event that never deploys', (body, told) => {
    const answer = parsed(providers.standard, sentBy(providers.standard, body, { secret }), secret)
    expect(answer).toEqual({ kind: 'ignored', ...told })
  })

  it.each([
    { app: 'blog' },
    { app: 'blog', type: 'build.finished', id: 7, timestamp: '2026-03-01T12:00:00Z', data: { branch: 'staging' } },
    { app: 'blog', ref: 'refs/heads/next' },
    { app: 'blog', ref: null, after: null, message: null },
    { repository: 'acme/blog', ref: 'refs/tags/v1' },
    { repository: '/srv/git/blog.git', ref: 'refs/heads/main', after: 'a'.repeat(64) },
  ])('%j is a push', (body) => {
    expect(problem(body)).toBe('pushes')
  })

  it('asks for secrets that sign', async () => {
    const { Secret } = await import('../../src/lib/secret.ts')
    expect(providers.standard.checkSecrets?.([new Secret(secret)])).toBeNull()
    expect(providers.standard.checkSecrets?.([new Secret(secret), new Secret('a-plain-text-secret')])).toContain(
      'whsec_$(openssl rand -base64 32)',
    )
  })
})
