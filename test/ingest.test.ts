import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createIngest, type Ingest, type IngestDeps, type Received } from '../src/ingest.ts'
import { keptHeaders } from '../src/ingest/kept-headers.ts'
import { Secret } from '../src/lib/secret.ts'
import type { App, Webhook } from '../src/model/deploy-map.ts'
import type { Delivery, RefusalReason } from '../src/model/delivery.ts'
import type { Deployment } from '../src/model/deployment.ts'
import { providers, type ProviderName } from '../src/providers/index.ts'
import { openStore } from '../src/store/index.ts'
import type { Store } from '../src/store/store.ts'
import { createApp, createMap, revision } from './support/map.ts'

const secret = 'a-secret-for-ingest-tests'
const signing = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const at = new Date('2026-03-01T12:00:00Z')

describe('a push that an app wants', () => {
  it('is queued and kept before the sender hears of it', async () => {
    const { store, receive, queued } = await createIntake([createApp('blog')])
    const received = await receive(github(push()))
    expect(received).toMatchObject({ result: 'accepted', reason: null, duplicateOf: null, ignored: [], secret: 0 })

    const [deployment] = deploymentsOf(received)
    expect(deployment).toMatchObject({
      app: 'blog',
      trigger: 'push',
      state: 'queued',
      requestedRevision: revision('b'),
      revision: null,
    })
    expect(await queued()).toEqual(['blog'])
    expect(await store.delivery(idOf(received))).toMatchObject({
      webhook: 'github',
      provider: 'github',
      event: 'push',
      result: 'accepted',
      repository: 'acme/blog',
      ref: 'refs/heads/main',
      after: revision('b'),
      pusher: 'mona',
    })
  })

  it('is queued for every app that wants it, and the answer names those that do not', async () => {
    const apps = [
      createApp('blog'),
      createApp('preview', { branch: 'next' }),
      createApp('mirror'),
      createApp('shop', { repo: 'https://github.com/acme/shop.git' }),
    ]
    const { receive, queued } = await createIntake(apps)
    expect(await receive(github(push()))).toMatchObject({
      result: 'accepted',
      ignored: [{ app: 'preview', reason: 'branch' }],
    })
    expect(await queued()).toEqual(['blog', 'mirror'])
  })

  it('with several refs is queued once per app, whatever the other refs are', async () => {
    const main = { ref: 'refs/heads/main', before: revision('a'), after: revision('b') }
    const tag = { ...main, ref: 'refs/tags/v1' }
    const apps = [createApp('blog'), createApp('preview', { branch: 'next' }), createApp('old', { branch: 'old' })]
    const { receive, queued } = await createIntake(apps)
    const old = { ...main, ref: 'refs/heads/old', after: '0'.repeat(40) }
    const update = {
      event_name: 'repository_update',
      project: { path_with_namespace: 'acme/blog', web_url: 'https://github.com/acme/blog' },
    }
    expect(await receive(gitlab({ ...update, changes: [tag, old, main, tag, main] }))).toMatchObject({
      result: 'accepted',
      ignored: [
        { app: 'preview', reason: 'branch' },
        { app: 'old', reason: 'deleted' },
      ],
    })
    expect(await queued()).toEqual(['blog'])
  })

  it('says which of two secrets proved it, so that the other can go', async () => {
    const { receive } = await createIntake([createApp('blog')])
    expect(await receive(github(push()), [new Secret('the-new-secret-of-ours'), new Secret(secret)])).toMatchObject({
      secret: 1,
    })
  })

  it('may have any ref name: it is looked up, nothing else', async () => {
    const branch = 'x;touch${IFS}/tmp/PWN;#'
    const { receive } = await createIntake([createApp('blog', { branch })])
    const received = await receive(github(push({ ref: `refs/heads/${branch}` })))
    expect(deploymentsOf(received)).toMatchObject([{ ref: `refs/heads/${branch}` }])
  })
})

describe('a request that is not believed', () => {
  const broken = Buffer.alloc(10_000_000, '[')

  it.each<[RefusalReason, () => Delivery]>([
    ['no_signature', () => ({ ...github(push()), headers: { 'x-github-event': 'push', 'x-github-delivery': 'id-1' } })],
    ['bad_signature', () => ({ ...github(push()), body: broken })],
    ['wrong_scheme', () => ({ ...github(push()), headers: { 'x-gitlab-token': secret, 'x-github-delivery': 'id-1' } })],
    [
      'malformed_header',
      () => ({ ...github(push()), headers: { ...github(push()).headers, 'x-hub-signature-256': 'sha256=' } }),
    ],
    ['stale', () => ({ ...gitlab(push()), receivedAt: new Date(at.getTime() + 301_000) })],
  ])('for %s is told of, and leaves no trace in the store', async (reason, delivery) => {
    const { store, receive, refusals, queued } = await createIntake([createApp('blog')])
    expect(await receive(delivery())).toEqual({ result: 'refused', reason })
    expect(refusals).toEqual([[reason, 'id-1']])
    expect(await store.deliveries({ limit: 10 })).toEqual([])
    expect(await queued()).toEqual([])
  })

  it('is read no further than its signature', async () => {
    const { receive, stages } = await createIntake([createApp('blog')])
    await receive({ ...github(push()), body: broken })
    expect(stages).toEqual([])
    await receive(github(push()))
    expect(stages).toEqual(['after-verify', 'after-commit'])
  })

  it('shows of its claimed id only what is harmless', async () => {
    const { receive, refusals } = await createIntake([])
    await receive({ ...github(push()), headers: { 'x-github-delivery': '<script>' } })
    expect(refusals).toEqual([['no_signature', null]])
  })
})

describe('a believed delivery that wants nothing', () => {
  it.each<[string, () => Delivery]>([
    ['ping', () => github({ zen: 'Keep it logically awesome.' }, 'ping')],
    ['event', () => github({ action: 'completed' }, 'workflow_run')],
    ['event', () => gitlab({ object_kind: 'merge_request' })],
    ['no_app', () => github(push({ repository: { full_name: 'acme/unknown' } }))],
    [
      'webhook',
      () => github(push({ repository: { full_name: 'acme/other', clone_url: 'https://github.com/acme/other.git' } })),
    ],
    ['tag', () => github(push({ ref: 'refs/tags/v1' }))],
    ['branch', () => github(push({ ref: 'refs/heads/next' }))],
    ['branch', () => github(push({ ref: 'refs/pull/1/head' }))],
    ['deleted', () => github(push({ after: '0'.repeat(40), deleted: true, head_commit: null }))],
  ])('is kept as ignored: %s', async (reason, delivery) => {
    const other = createApp('other', { repo: 'https://github.com/acme/other.git', webhook: 'elsewhere' })
    const { store, receive, queued } = await createIntake([createApp('blog'), other])
    const received = await receive(delivery())
    expect(received).toMatchObject({ result: 'ignored', reason, deployments: [], duplicateOf: null })
    expect(await store.delivery(idOf(received))).toMatchObject({ result: 'ignored', reason })
    expect(await queued()).toEqual([])
  })

  it('is kept as malformed, with the field that is wrong', async () => {
    const { store, receive } = await createIntake([createApp('blog')])
    const problem = 'after: must be a commit id: 40 or 64 lower-case hex digits'
    const received = await receive(github(push({ after: 'HEAD' })))
    expect(received).toMatchObject({ result: 'malformed', problem })
    expect(await store.delivery(idOf(received))).toMatchObject({ result: 'malformed', reason: problem, event: 'push' })
  })
})

describe('a delivery that comes again', () => {
  it('is a duplicate by its id, and by its body where the id is not signed', async () => {
    const { receive, queued } = await createIntake([createApp('blog')])
    const first = await receive(github(push()))
    expect(await receive(github(push()))).toMatchObject({ result: 'duplicate', duplicateOf: idOf(first) })
    expect(await receive(github(push(), 'push', 'id-2'))).toMatchObject({
      result: 'duplicate',
      duplicateOf: idOf(first),
    })
    expect(await queued()).toEqual(['blog'])
  })

  it('with its body under a new signed id is a delivery of its own', async () => {
    const { receive } = await createIntake([createApp('blog')])
    const body = {
      object_kind: 'push',
      ...push(),
      project: { path_with_namespace: 'acme/blog', web_url: 'https://github.com/acme/blog' },
    }
    const first = await receive(gitlab(body))
    expect(await receive(gitlab(body))).toMatchObject({ result: 'duplicate', duplicateOf: idOf(first) })
    expect(await receive(gitlab(body, 'id-2'))).toMatchObject({ result: 'accepted' })
  })

  it('with another body under its id is a duplicate that the log warns of', async () => {
    const { receive, warnings } = await createIntake([createApp('blog')])
    await receive(github(push()))
    expect(warnings).toEqual([])
    expect(await receive(github(push({ after: revision('c') })))).toMatchObject({ result: 'duplicate' })
    expect(warnings).toEqual(['same delivery id, other body'])
  })

  it('is judged by the map as it is now, so that a redelivery works after deploy.yml was mended', async () => {
    const apps: App[] = []
    const { receive } = await createIntake(apps)
    expect(await receive(github(push()))).toMatchObject({ result: 'ignored', reason: 'no_app' })
    apps.push(createApp('blog'))
    expect(await receive(github(push()))).toMatchObject({ result: 'accepted' })
  })

  it('fifty times at once makes one deployment', async () => {
    const { receive, queued } = await createIntake([createApp('blog')])
    const results = await Promise.all(Array.from({ length: 50 }, () => receive(github(push()))))
    expect(results.filter(({ result }) => result === 'accepted')).toHaveLength(1)
    expect(results.filter(({ result }) => result === 'duplicate')).toHaveLength(49)
    expect(await queued()).toEqual(['blog'])
  })
})

describe('what is kept of a delivery', () => {
  it('is no header but those that its provider names, which never prove anything', () => {
    const headers = {
      'content-type': 'application/json',
      'user-agent': ['one', 'two'],
      'x-github-event': 'push',
      'x-github-delivery': undefined,
      'x-hub-signature-256': 'sha256=00',
      'x-gitlab-token': 'hunter2hunter2hunter2',
      'x-github-encoded-secret': 'hunter2',
      authorization: 'Basic hunter2',
      cookie: 'hunter2',
    }
    expect(keptHeaders(headers, providers.github.headers)).toEqual({
      'content-type': 'application/json',
      'user-agent': 'one, two',
      'x-github-event': 'push',
    })
  })
})

describe('a store that cannot keep', () => {
  it('makes the request fail, and nothing is logged as received', async () => {
    const full = (): Promise<never> => Promise.reject(new Error('disk full'))
    const { ingest, logged } = createParts({
      store: { accept: full, keep: full, recall: full, enqueue: full, enqueueFound: full, deployments: full },
      apps: [createApp('blog')],
    })
    await expect(ingest.receive(github(push()), webhookOf('github'))).rejects.toThrow('disk full')
    await expect(ingest.receive(github({}, 'ping'), webhookOf('github'))).rejects.toThrow('disk full')
    await expect(
      ingest.request(createApp('blog'), { trigger: 'manual', ref: 'refs/heads/main', adopt: false, ...tip }),
    ).rejects.toThrow('disk full')
    expect(logged).toEqual([])
  })
})

describe('what a person asks for', () => {
  it('is the tip of the branch of the app', async () => {
    const { ingest, queued } = await createIntake([])
    const app = createApp('blog', { branch: 'live' })
    expect(await ingest.request(app, { trigger: 'manual', ref: 'refs/heads/live', adopt: true, ...tip })).toMatchObject(
      {
        app: 'blog',
        trigger: 'manual',
        ref: 'refs/heads/live',
        requestedRevision: null,
        adopt: true,
        state: 'queued',
        delivery: null,
      },
    )
    expect(await queued()).toEqual(['blog'])
  })
})

describe('the log of deliveries', () => {
  it('has one line for each, with ids, and neither bodies nor headers', async () => {
    const { receive, logged } = await createIntake([createApp('blog')])
    const received = await receive(github(push({ head_commit: { message: 'typed-by-somebody' } })))
    await receive(github({}, 'ping'))
    expect(logged).toMatchObject([
      {
        webhook: 'github',
        delivery: idOf(received),
        result: 'accepted',
        deployments: [deploymentsOf(received)[0]?.id],
      },
      { webhook: 'github', event: 'ping', result: 'ignored', reason: 'ping' },
    ])
    expect(JSON.stringify(logged)).not.toMatch(/sha256|typed-by-somebody|secret/)
  })
})

type Parts = {
  readonly ingest: Ingest
  readonly refusals: readonly (readonly [RefusalReason, string | null])[]
  readonly stages: readonly string[]
  readonly logged: readonly object[]
  readonly warnings: readonly string[]
}

type Intake = Parts & {
  readonly store: Store
  readonly receive: (delivery: Delivery, secrets?: readonly Secret[]) => Promise<Received>
  /** The apps in the queue, in its order. */
  readonly queued: () => Promise<readonly string[]>
}

/** The real way in, on a real store of its own. `apps` is the map; it may change meanwhile. */
async function createIntake(apps: readonly App[]): Promise<Intake> {
  const directory = await mkdtemp(join(tmpdir(), 'deployhook-ingest-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const store = await openStore(join(directory, 'state'), { log: silent, failPoint: () => undefined })
  onTestFinished(() => store.close())
  const parts = createParts({ store, apps })
  return {
    ...parts,
    store,
    receive: (delivery, secrets) => parts.ingest.receive(delivery, webhookOf(delivery.webhook, secrets)),
    queued: async () => (await store.queue()).map(({ app }) => app),
  }
}

function createParts({ store, apps }: { readonly store: IngestDeps['store']; readonly apps: readonly App[] }): Parts {
  const refusals: [RefusalReason, string | null][] = []
  const stages: string[] = []
  const logged: object[] = []
  const warnings: string[] = []
  const ingest = createIngest({
    store,
    map: () => createMap(apps),
    clock: { now: () => at },
    log: {
      ...silent,
      info: (fields) => void logged.push(fields),
      warn: (_fields, message) => void warnings.push(message),
    },
    failPoint: (stage) => void stages.push(stage),
    onRefused: (_delivery, reason, claimedId) => void refusals.push([reason, claimedId]),
  })
  return { ingest, refusals, stages, logged, warnings }
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

function webhookOf(
  name: string,
  secrets: readonly Secret[] = [new Secret(name === 'gitlab' ? signing : secret)],
): Webhook {
  return { name, provider: name, secrets, options: {} }
}

function push(change: object = {}): object {
  return {
    ref: 'refs/heads/main',
    before: revision('a'),
    after: revision('b'),
    repository: { full_name: 'acme/blog', clone_url: 'https://github.com/acme/blog.git' },
    pusher: { name: 'mona' },
    ...change,
  }
}

function github(body: object, event = 'push', id = 'id-1'): Delivery {
  return deliveryOf('github', { body, event, id })
}

function gitlab(body: object, id = 'id-1'): Delivery {
  return deliveryOf('gitlab', { body, event: 'push', id })
}

function deliveryOf(
  provider: ProviderName,
  { body, event, id }: { readonly body: object; readonly event: string; readonly id: string },
): Delivery {
  const [key] = webhookOf(provider).secrets
  const signed = providers[provider].sign(
    { event, id, body: Buffer.from(JSON.stringify(body)), at },
    { secret: key ?? new Secret(''), options: {} },
  )
  return { webhook: provider, ...signed, receivedAt: at, remoteAddress: '127.0.0.1' }
}

function deploymentsOf(received: Received): readonly Deployment[] {
  return 'deployments' in received ? received.deployments : []
}

function idOf(received: Received): number {
  return 'delivery' in received ? received.delivery : expect.fail(JSON.stringify(received))
}

const tip = { forced: false, version: null, by: null, reason: null } as const
