import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createExplain, type Explain, type Explanation } from '../src/explain.ts'
import { createIngest, type Received, type Asked } from '../src/ingest.ts'
import { Secret } from '../src/lib/secret.ts'
import type { RefusalReason } from '../src/model/delivery.ts'
import type { CatchUpState } from '../src/model/catch-up-state.ts'
import type { App, DeployMap, Webhook } from '../src/model/deploy-map.ts'
import type { Deployment, DeploymentResult } from '../src/model/deployment.ts'
import { globOf } from '../src/model/glob.ts'
import { providers } from '../src/providers/index.ts'
import { createRefusals, createStrays, openStore } from '../src/store/index.ts'
import type { Strays } from '../src/store/strays.ts'
import type { Store } from '../src/store/store.ts'
import { createApp, createMap, revision } from './support/map.ts'

const now = new Date('2026-11-24T12:00:00.000Z')
const secret = new Secret('a-secret-for-tests-0123456789')

/** A time so many seconds before now. */
function before(seconds: number): Date {
  return new Date(now.getTime() - seconds * 1000)
}

/** The real way in and the real store, and what is explained of them. `apps` is the map; it may change meanwhile. */
async function createHistory({
  apps = [createApp('blog', { branch: 'main' })],
  problems = [],
  secrets = [secret],
  keepDeliveriesMs = 604_800_000,
  catchUp = {},
  diskProblems = [],
  isWritable = true,
}: Setting = {}): Promise<History> {
  const directory = await mkdtemp(join(tmpdir(), 'deployhook-explain-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const store = await openStore(join(directory, 'state'), { log: silent, failPoint: () => undefined })
  onTestFinished(() => store.close())

  const webhook: Webhook = { name: 'github', provider: 'github', secrets, options: {} }
  const map = (): DeployMap => {
    const made = createMap(apps, [webhook])
    return { ...made, server: { ...made.server, keepDeliveriesMs } }
  }
  const refusals = createRefusals()
  const strays = createStrays()
  const ingest = createIngest({
    store,
    map,
    clock: { now: () => before(120) },
    log: silent,
    failPoint: () => undefined,
    onRefused: ({ receivedAt: at, remoteAddress }, reason, providerId) => {
      refusals.record({ at, webhook: 'github', remoteAddress, reason, providerId })
    },
  })
  const config = () => ({ file: '/etc/deployhook/deploy.yml', loadedAt: before(3600), problems })
  const realPath = (path: string): string => path
  const explain = createExplain({
    ...{ map, realPath, refusals, strays, config, clock: { now: () => now } },
    store: isWritable ? store : { ...store, ping: () => Promise.reject(new Error('database or disk is full')) },
    diskProblems: () => Promise.resolve(diskProblems),
    catchUp: ({ catchUpMs: everyMs }) => ({
      everyMs,
      answeredAt: before(60),
      failing: null,
      isFailing: false,
      ...catchUp,
    }),
  })

  return {
    store,
    strays,
    ask: explain,
    refuse: (reason, { at, providerId }) => {
      refusals.record({ at, webhook: 'github', remoteAddress: '203.0.113.9', reason, providerId })
    },
    explain: async (subject) =>
      (await explain(subject)) ?? expect.fail(`nothing is known of ${subject ?? 'everything'}`),
    receive: ({ event = 'push', id = 'id-1', key = secret, at = before(120), ...change } = {}) => {
      const body = Buffer.from(JSON.stringify({ ...push, ...change }))
      const signed = providers.github.sign({ event, id, body, at }, { secret: key, options: {} })
      return ingest.receive({ webhook: 'github', ...signed, receivedAt: at, remoteAddress: '140.82.115.1' }, webhook)
    },
    request: (app, change) =>
      ingest.request(createApp(app), { trigger: 'manual', ref: 'refs/heads/main', adopt: false, ...tip, ...change }),
    start: async () => {
      const resolve = (app: string) => ({
        concurrencyGroup: app,
        realPath: `/srv/${app}`,
        fingerprint: app,
        approve: false,
        windows: [],
      })
      const claim = await store.claim({ resolve, maxRunning: 1, at: before(90) })
      return claim?.deployment ?? expect.fail('nothing can be started')
    },
    end: ({ id, attempts }, result) =>
      store.finish(
        { id, attempt: attempts },
        { outcome: 'succeeded', reason: null, message: null, ...result },
        before(60),
      ),
  }
}

type Setting = {
  readonly apps?: readonly App[]
  readonly problems?: readonly string[]
  readonly secrets?: readonly Secret[]
  readonly keepDeliveriesMs?: number
  readonly catchUp?: Partial<CatchUpState>
  readonly diskProblems?: readonly string[]
  readonly isWritable?: boolean
}

type History = {
  readonly store: Store
  readonly strays: Strays
  readonly ask: Explain
  /** What is said of a subject that something is known of. */
  readonly explain: (subject: string | null) => Promise<Explanation>
  readonly refuse: (reason: RefusalReason, how: { readonly at: Date; readonly providerId: string }) => void
  readonly receive: (sent?: Sent) => Promise<Received>
  readonly request: (app: string, change?: Partial<Asked>) => Promise<Deployment>
  /** Starts the next one in the queue. */
  readonly start: () => Promise<Deployment>
  readonly end: (running: Deployment, result: Partial<DeploymentResult>) => Promise<Deployment>
}

type Sent = {
  readonly event?: string
  readonly id?: string
  readonly key?: Secret
  readonly at?: Date
  readonly [field: string]: unknown
}

const push = {
  ref: 'refs/heads/main',
  before: revision('a'),
  after: revision('b'),
  repository: { full_name: 'acme/blog', clone_url: 'https://github.com/acme/blog.git' },
  pusher: { name: 'mona' },
}

describe('explaining a delivery', () => {
  it('says what came, how it was proven, what was pushed and what became of it', async () => {
    const { receive, start, end, explain } = await createHistory()
    await receive()
    await end(await start(), {
      outcome: 'failed',
      reason: 'step_failed',
      message: 'step 1/1 (npm ci) failed: exit code 1',
    })
    expect(await explain('delivery:1')).toEqual({
      headline: 'Delivery 1 was accepted: deployment 1 of blog',
      facts: [
        'An event of the kind push came to webhook github 2 min ago from 140.82.115.1, called id-1 by github.',
        'Its signature over the body was right.',
        'mona pushed bbbbbbbbbbbb to main in acme/blog.',
        'Deployment 1 of blog failed 1 min ago: step 1/1 (npm ci) failed: exit code 1.',
      ],
      next: ['More of it: deployhook explain deployment 1'],
    })
  })

  it('says which secret proved it while there are two', async () => {
    const { receive, explain } = await createHistory({ secrets: [new Secret('the-new-secret-of-ours'), secret] })
    await receive()
    expect((await explain('delivery:1')).facts[1]).toContain('by the second of the two secrets')
  })

  it.each([
    {
      why: 'branch',
      sent: { ref: 'refs/heads/next' },
      says: '\nblog deploys main, and this was a push to next',
      cure: 'set "branch:" of blog',
    },
    {
      why: 'tag',
      sent: { ref: 'refs/tags/v1' },
      says: 'this was a push of tag v1',
      cure: 'set "tags:" of blog',
    },
    {
      why: 'deleted',
      sent: { after: '0'.repeat(40), deleted: true },
      says: '\nblog has nothing to deploy of it: the push deleted main.',
      cure: 'what is live of blog stays',
    },
    {
      why: 'no_app',
      sent: { repository: { full_name: 'acme/shop', clone_url: 'https://github.com/acme/shop.git' } },
      says: 'No app of deploy.yml has the repository "github.com/acme/shop": did you mean "github.com/acme/blog"?',
      cure: `add it to the app's "aliases:" in deploy.yml; else mend its "repo:". Then deployhook reload, and deployhook replay 1, or redeliver it under "Recent Deliveries"`,
    },
    {
      why: 'no_app',
      sent: { repository: { full_name: 'Acme/Blog', clone_url: 'https://git.example.com/Acme/Blog.git' } },
      says: 'the repository "git.example.com/acme/blog": app blog has github.com/acme/blog',
      cure: 'If that is the repository of blog by another name',
    },
    {
      why: 'skip',
      sent: { head_commit: { id: revision('b'), message: 'Docs [skip deploy]' } },
      says: '\nblog leaves it out, as the newest commit asks in its message',
      cure: 'Deploy it all the same: deployhook deploy blog',
    },
    {
      why: 'ping',
      sent: { event: 'ping' },
      says: "the git host's own test of the webhook: it works",
      cure: 'Push to a branch',
    },
    {
      why: 'event',
      sent: { event: 'issues' },
      says: 'An event of the kind issues never deploys',
      cure: 'Just the push event',
    },
  ])('says why nothing wanted it, and the cure: $why', async ({ why, sent, says, cure }) => {
    const { receive, explain } = await createHistory({ apps: [createApp('blog', { skip: ['[skip deploy]'] })] })
    await receive(sent)
    const { headline, facts, next } = await explain('delivery:1')
    expect(headline).toBe(`Delivery 1 was ignored (${why})`)
    expect(facts.join('\n')).toContain(says)
    expect(next.join('\n')).toContain(cure)
  })

  it('says which webhook an app takes pushes from', async () => {
    const { receive, explain } = await createHistory({ apps: [createApp('blog', { webhook: 'lab' })] })
    await receive()
    const { facts, next } = await explain('delivery:1')
    expect(facts.at(-1)).toBe('blog takes pushes from webhook lab only, and this came to github.')
    expect(next).toEqual([
      'Enter the URL of that webhook (/hooks/lab) in the form at the git host, or take "webhook:" out of blog in deploy.yml. Then deployhook reload, and deployhook replay 1, or redeliver it under "Recent Deliveries".',
    ])
  })

  it('advises a replay only of what is kept', async () => {
    const { receive, explain } = await createHistory({ keepDeliveriesMs: 0 })
    await receive({ ref: 'refs/heads/next' })
    await receive({ id: 'id-2', repository: { full_name: 'acme/shop', clone_url: 'https://github.com/acme/shop.git' } })
    const advised = [...(await explain('delivery:1')).next, ...(await explain('delivery:2')).next].join('\n')
    expect(advised).toContain('Then deployhook reload, and redeliver it under "Recent Deliveries"')
    expect(advised).not.toContain('replay')
    expect((await explain('delivery:2')).facts.join('\n')).toContain(
      'the repository "acme/shop" (there is github.com/acme/blog)',
    )
  })

  it('keeps the branch in what it advises for tags', async () => {
    const { receive, explain } = await createHistory()
    await receive({ ref: 'refs/tags/v1' })
    expect((await explain('delivery:1')).next[0]).toContain(
      'tags: ["v*"], and branches: ["main"] in place of "branch:"',
    )
  })

  it('names the ref of an app that deploys several, fit for a shell', async () => {
    const apps = [createApp('blog', { branch: null, branches: [globOf('**')], skip: ['[skip deploy]'] })]
    const { receive, explain } = await createHistory({ apps })
    const head_commit = { id: revision('b'), message: '[skip deploy]' }
    await receive({ ref: 'refs/heads/release/1.2', head_commit })
    await receive({ id: 'id-2', ref: "refs/heads/$(touch${IFS}x)'", head_commit })
    expect((await explain('delivery:1')).next[0]).toMatch(/: deployhook deploy blog --branch=release\/1\.2$/)
    expect((await explain('delivery:2')).next[0]).toMatch(/ --branch='\$\(touch\$\{IFS\}x\)'\\'''$/)
  })

  it('asks the apps of now when the app that it reached is gone', async () => {
    const apps = [createApp('blog')]
    const { receive, explain } = await createHistory({ apps })
    await receive({ ref: 'refs/heads/next' })
    apps.length = 0
    const { facts, next } = await explain('delivery:1')
    expect(facts.at(-1)).toBe('blog did not want it (branch), and is no longer in deploy.yml.')
    expect(next[0]).toContain('If blog was renamed, deployhook replay 1')
  })

  it('tells of each app by itself', async () => {
    const { receive, explain } = await createHistory({
      apps: [createApp('blog'), createApp('preview', { branch: 'next' })],
    })
    await receive()
    const { facts } = await explain('delivery:1')
    expect(facts.join('\n')).toMatch(/^preview deploys next, and this was a push to main/m)
    expect(facts.at(-1)).toMatch(/^Deployment 1 of blog waits/)
  })

  it('says of a duplicate what became of the first, and how to deploy all the same', async () => {
    const { receive, explain } = await createHistory()
    await receive()
    await receive()
    expect(await explain('delivery:2')).toMatchObject({
      headline: 'Delivery 2 was a duplicate of delivery 1',
      next: [
        'What became of the first: deployhook explain delivery 1',
        'Deploy again all the same: deployhook deploy blog',
      ],
    })
  })

  it('says what of a malformed one could not be read', async () => {
    const { receive, explain } = await createHistory()
    await receive({ after: 'HEAD' })
    expect((await explain('delivery:1')).headline).toMatch(/^Delivery 1 could not be read: after: must be a commit id/)
  })

  it("finds it by the git host's own id", async () => {
    const { receive, explain } = await createHistory()
    await receive({ id: '72d3162e-cc78-11e3-81ab-4c9367dc0958' })
    expect((await explain('72d3162e-cc78-11e3-81ab-4c9367dc0958')).headline).toMatch(/^Delivery 1 /)
    expect((await explain('delivery:72d3162e-cc78-11e3-81ab-4c9367dc0958')).headline).toMatch(/^Delivery 1 /)
  })
})

describe('explaining a refused request', () => {
  it('says that the secrets differ, although nothing of it was stored', async () => {
    const { receive, explain, store } = await createHistory()
    await receive({ id: 'abc-7', key: new Secret('another-secret-0123456789') })
    expect(await store.deliveries({ limit: 1 })).toEqual([])
    const { headline, next } = await explain('abc-7')
    expect(headline).toBe(
      'A request to webhook github was refused 2 min ago: the secret in the form is not the one in deploy.yml',
    )
    expect(next[0]).toContain('Enter the same secret in deploy.yml and at "Secret"')
  })

  it.each<[RefusalReason, RegExp, RegExp]>([
    ['no_signature', /carried no signature or token/, /Enter the secret of webhook github at "Secret"/],
    ['wrong_scheme', /signed in a way that this webhook does not take/, /"provider:"/],
    ['stale', /time stamp is too far/, /timedatectl/],
    ['malformed_header', /what should prove it was doubled/, /proxy/],
  ])('says what %s means and the cure', async (reason, meaning, cure) => {
    const { refuse, explain } = await createHistory()
    refuse(reason, { at: before(10), providerId: 'abc-7' })
    const { headline, next } = await explain('abc-7')
    expect(headline).toMatch(meaning)
    expect(next[0]).toMatch(cure)
  })
})

describe('explaining a deployment', () => {
  it('says what it waits for and what runs', async () => {
    const { receive, request, start, explain } = await createHistory()
    await receive()
    await start()
    await request('blog')
    const { headline, facts, next } = await explain('deployment:2')
    expect(headline).toBe(
      'Deployment 2 of blog waits: another deployment of its app, concurrency group or directory goes first (running now: 1 of blog)',
    )
    expect(facts).toContain('A person asked for it.')
    expect(next).toEqual(['See it live: deployhook logs -f 2', 'End it: deployhook cancel 2'])
  })

  it('says who asked for it, that the tip had moved on, how long it took and where it failed', async () => {
    const { receive, start, end, explain, store } = await createHistory()
    await receive()
    const running = await start()
    const owner = { id: running.id, attempt: running.attempts }
    await store.setRevision(owner, revision('c'))
    await store.startStep(owner, { number: 1, phase: 'build', name: 'npm ci', at: before(80) })
    await store.finishStep(owner, { number: 1, exitCode: 3, signal: null, at: before(61) })
    await end(running, { outcome: 'failed', reason: 'step_failed', message: 'npm ci failed' })
    expect(await explain('1')).toEqual({
      headline: 'Deployment 1 of blog failed 1 min ago: npm ci failed',
      facts: [
        'Delivery 1 asked for it: a push to main (bbbbbbbbbbbb) by mona, which came to webhook github 2 min ago.',
        "bbbbbbbbbbbb was pushed, but by then the branch's tip was cccccccccccc: the tip is what is deployed.",
        'It waited 30 s and ran for 30 s.',
        'It failed at step 1 (npm ci), with exit code 3.',
      ],
      next: [
        'See what it printed: deployhook logs 1',
        'When the cause is mended, try again: deployhook retry 1',
        'Delivery 1 is another thing: deployhook explain delivery 1',
      ],
    })
  })

  it('says what it is at while it runs', async () => {
    const { receive, start, explain, store } = await createHistory()
    await receive()
    const { id, attempts: attempt } = await start()
    await store.startStep({ id, attempt }, { number: 2, phase: 'build', name: 'npm run build', at: before(80) })
    const { headline, facts } = await explain('deployment:1')
    expect(headline).toBe('Deployment 1 of blog is running, started 1 min ago')
    expect(facts.at(-1)).toBe('It is at step 2 (npm run build).')
  })

  it('says which step the end of the daemon cut off', async () => {
    const { receive, start, end, explain, store } = await createHistory()
    await receive()
    const running = await start()
    const owner = { id: running.id, attempt: running.attempts }
    await store.startStep(owner, { number: 2, phase: 'build', name: 'npm run build', at: before(80) })
    await end(running, { outcome: 'failed', reason: 'poison', message: 'the daemon died 2 times' })
    expect((await explain('deployment:1')).facts.at(-1)).toBe('It was cut off in step 2 (npm run build).')
  })

  it('follows superseded ones to the one that counts', async () => {
    const { receive, start, end, explain } = await createHistory()
    for (const digit of ['b', 'c', 'd']) await receive({ id: `id-${digit}`, after: revision(digit) })
    await end(await start(), {})
    const { headline, facts, next } = await explain('deployment:1')
    expect(headline).toMatch(/^Deployment 1 of blog was superseded .*: a newer one took its place, deployment 2$/)
    expect(facts.at(-1)).toBe('In the end, deployment 3 succeeded 1 min ago.')
    expect(next).toEqual(['Look at that one: deployhook explain deployment 2'])
  })

  it.each([
    {
      reason: 'already_live',
      message: null,
      says: 'the commit was live already',
      next: 'Deploy it all the same: deployhook deploy blog',
    },
    {
      reason: 'paths',
      message: '2 files have changed, none below paths',
      says: '2 files have changed, none below paths',
      next: 'add it to "paths:" of blog in deploy.yml, then: deployhook reload\nDeploy it all the same: deployhook deploy blog',
    },
    {
      reason: 'branch_gone',
      message: 'there is no branch main',
      says: 'there is no branch main',
      next: 'deployhook retry 1',
    },
    { reason: 'something_newer', message: null, says: 'something_newer', next: 'Deploy it all the same' },
  ])('says why it was skipped: $reason', async ({ reason, message, says, next }) => {
    const { receive, start, end, explain } = await createHistory()
    await receive()
    await end(await start(), { outcome: 'skipped', reason, message })
    const explanation = await explain('deployment:1')
    expect(explanation.headline).toContain(says)
    expect(explanation.next.join('\n')).toContain(next)
  })

  it('says how a ref that deploy.yml does not want any more is wanted again', async () => {
    const apps = [createApp('blog', { branch: null, branches: [globOf('release/*')] })]
    const { receive, start, end, explain } = await createHistory({ apps })
    await receive({ ref: 'refs/heads/release/1' })
    await end(await start(), { outcome: 'skipped', reason: 'ref_unwanted' })
    apps.splice(0, 1, createApp('blog', { branch: null, tags: [globOf('v*')] }))
    expect((await explain('deployment:1')).next.slice(0, 2)).toEqual([
      'blog deploys tags v* now. If it is to deploy branch release/1 after all, add that to "branches:" of blog in deploy.yml, then: deployhook reload',
      'Then deploy it: deployhook deploy blog --branch=release/1',
    ])
    expect((await explain('blog')).next[0]).toBe('Why: deployhook explain deployment 1')
  })

  it('offers no retry when the app is gone', async () => {
    const apps = [createApp('blog')]
    const { receive, start, end, explain } = await createHistory({ apps })
    await receive()
    await end(await start(), { outcome: 'cancelled' })
    apps.length = 0
    expect((await explain('deployment:1')).next).toEqual([
      'blog is no longer in deploy.yml. If it was renamed, say "was: blog" in its new entry.',
    ])
  })
})

describe('explaining an app', () => {
  it('says that nothing has ever come, and what to do', async () => {
    const { explain } = await createHistory()
    expect(await explain('blog')).toEqual({
      headline: 'blog: nothing of it is live yet',
      facts: [
        'It deploys main of https://github.com/acme/blog.git to /srv/blog.',
        'It has never been deployed.',
        'No delivery has reached it yet.',
        'Catch-up asks the repository every 5m for what no delivery told; it answered 1 min ago.',
      ],
      next: ['Deploy it by hand: deployhook deploy blog', 'Does anything arrive? deployhook explain'],
    })
  })

  it('says what is live, what came last and why that was not wanted', async () => {
    const { receive, start, end, explain, store } = await createHistory()
    await receive()
    const running = await start()
    await store.setRevision({ id: running.id, attempt: running.attempts }, revision('b'))
    await end(running, {})
    await receive({ id: 'id-2', ref: 'refs/heads/next' })
    const { headline, facts, next } = await explain('app:blog')
    expect(headline).toBe('blog: bbbbbbbbbbbb is live, since 1 min ago (deployment 1)')
    expect(facts).toContain('The newest deployment, 1, succeeded 1 min ago.')
    expect(facts).toContain(
      'The last delivery that reached it is 2, 2 min ago, and it was not wanted: blog deploys main, and this was a push to next.',
    )
    expect(next.join()).toContain('Push to main')
  })

  it.each([
    ['b', 'bbbbbbbbbbbb, whose newest deployment did not succeed.'],
    ['c', 'cccccccccccc, which did not succeed; the last good one is bbbbbbbbbbbb.'],
  ])('says of which commit the files are when a step of %s failed', async (letter, told) => {
    const { request, start, end, explain, store } = await createHistory()
    for (const commit of ['b', letter]) {
      await request('blog')
      const running = await start()
      const owner = { id: running.id, attempt: running.attempts }
      await store.setRevision(owner, revision(commit))
      await store.startStep(owner, { number: 1, phase: 'build', name: 'npm ci', at: before(80) })
      const isLast = running.id === 2
      await store.finishStep(owner, { number: 1, exitCode: isLast ? 3 : 0, signal: null, at: before(61) })
      await end(running, isLast ? { outcome: 'failed', reason: 'step_failed', message: 'npm ci failed' } : {})
    }
    expect((await explain('app:blog')).facts.join('\n')).toContain(`are those of ${told}`)
  })

  it('remembers one that was taken out of deploy.yml', async () => {
    const apps = [createApp('blog')]
    const { receive, explain } = await createHistory({ apps })
    await receive()
    apps.length = 0
    expect((await explain('blog')).headline).toBe('blog is not in deploy.yml (any more)')
  })

  it('is not mixed up with a deployment when its name is a number', async () => {
    const { request, explain } = await createHistory({ apps: [createApp('1')] })
    expect((await explain('1')).headline).toBe('1: nothing of it is live yet')
    await request('1')
    const { headline, next } = await explain('1')
    expect(headline).toMatch(/^Deployment 1 of 1 waits/)
    expect(next.at(-1)).toBe('The app of that name: deployhook explain app 1')
  })
})

describe('what explain advises', () => {
  it('is nothing to try again when the newest deployment had nothing to do', async () => {
    const { receive, start, end, explain } = await createHistory()
    await receive()
    await end(await start(), { outcome: 'skipped', reason: 'already_live', message: 'it is live' })
    const { next } = await explain('blog')
    expect(next).toEqual(['Deploy it all the same: deployhook deploy blog'])
  })

  it('is --adopt when files were in the way', async () => {
    const { receive, start, end, explain } = await createHistory()
    await receive()
    await end(await start(), { outcome: 'failed', reason: 'path_occupied', message: '/srv/blog holds other files' })
    expect((await explain('blog')).next).toContain('Take the directory over: deployhook deploy blog --adopt')
    expect((await explain('1')).next[0]).toBe('Take the directory over: deployhook deploy blog --adopt')
  })

  it.each([
    ['rollback', { release: '20261128-120000-aaaaaaaaaaaa' }, 'rollback blog --to 20261128-120000-aaaaaaaaaaaa'],
    ['rollback', { release: null }, `rollback blog --to ${'a'.repeat(40)}`],
    ['manual', { release: null }, `deploy blog --revision ${'a'.repeat(40)}`],
  ] as const)(
    'is no retry, which would deploy the newest, where a %s was to one version: %j',
    async (trigger, to, advice) => {
      const { request, start, end, explain } = await createHistory()
      await request('blog', { trigger, version: { revision: revision('a'), ...to } })
      await end(await start(), { outcome: 'failed', reason: 'step_failed', message: 'npm ci ended with exit code 1' })
      expect((await explain('1')).next.at(-1)).toBe(`When the cause is mended, try again: deployhook ${advice}`)
      expect((await explain('blog')).next).toContain(`Try again: deployhook ${advice}`)
    },
  )

  it('names of a duplicate the deployment that made it live', async () => {
    const { store, receive, start, end, explain } = await createHistory()
    await receive()
    const running = await start()
    await store.setRevision({ id: running.id, attempt: running.attempts }, revision('b'))
    await end(running, {})
    await receive()
    expect((await explain('delivery:2')).facts.join('\n')).toContain(
      'Of blog, bbbbbbbbbbbb is live, since 1 min ago (deployment 1). Deployment 1 of blog succeeded 1 min ago.',
    )
  })

  it('says of a replay that it did not come, and which delivery it repeats', async () => {
    const { store, receive, explain } = await createHistory()
    await receive()
    const recalled = await store.recall(1, before(10))
    if (!recalled?.delivery) expect.fail('nothing is kept')
    const keeping = { provider: 'github', headers: {}, keepsBody: false, proofsInBody: [], secret: null, replayOf: 1 }
    await store.keep(recalled.delivery, { ...keeping, event: 'ping', result: 'ignored', reason: 'ping' })
    const { facts } = await explain('delivery:2')
    expect(facts.slice(0, 2)).toEqual([
      'An event of the kind ping was replayed 10 s ago: it came to webhook github from 140.82.115.1 as delivery 1.',
      'It did not come from outside: a person had delivery 1 judged again, which was proven when it came.',
    ])
  })
})

describe('explaining why nothing happens', () => {
  it('says what to check in the form and in the proxy while nothing has come', async () => {
    const { explain } = await createHistory()
    const { headline, facts, next } = await explain(null)
    expect(headline).toBe('Webhook github has not received anything yet')
    expect(facts).toEqual([
      'deploy.yml is /etc/deployhook/deploy.yml, loaded 1 h ago, with 1 app.',
      'Webhook github: no delivery has been believed yet.',
      '0 running, 0 queued.',
      'A push whose webhook never arrives here is found by catch-up, which asks the repositories at intervals.',
    ])
    expect(next[0]).toBe(
      'Check the form at the git host: "Payload URL" https://YOUR-HOST/hooks/github, "Secret" the secret of webhook github, "Content type" application/json, "Just the push event". If it lists what it sent, it also shows the answers.',
    )
    expect(next.join('\n')).toContain('deployhook send --webhook github --url')
  })

  it('names the apps whose newest deployment did not succeed', async () => {
    const { receive, start, end, explain } = await createHistory()
    await receive({ at: before(600) })
    await end(await start(), { outcome: 'failed', reason: 'step_failed', message: 'npm ci failed' })
    const { facts, next } = await explain(null)
    expect(facts).toContain('The newest deployment of blog, 1, did not succeed.')
    expect(next).toContain('Why it failed: deployhook explain deployment 1')
  })

  it('says that deliveries are refused, and that the secrets differ', async () => {
    const { receive, explain } = await createHistory()
    await receive({ at: before(600) })
    await receive({ id: 'id-2', key: new Secret('another-secret-0123456789'), at: before(30) })
    const { headline, facts, next } = await explain(null)
    expect(headline).toBe('Webhook github refuses what it gets')
    expect(facts[2]).toBe(
      'Webhook github: 1 request refused since the start, the last 30 s ago from 140.82.115.1: the secret in the form is not the one in deploy.yml.',
    )
    expect(next[0]).toContain('Webhook github: Enter the same secret in deploy.yml')
  })

  it('is not alarmed by a refusal that came before a delivery that was believed', async () => {
    const { receive, explain } = await createHistory()
    await receive({ id: 'id-0', key: new Secret('another-secret-0123456789'), at: before(600) })
    await receive()
    const { headline, next } = await explain('webhook:github')
    expect(headline).toBe('Webhook github (github) works')
    expect(next).toEqual(['See what arrived: deployhook deliveries --webhook github'])
  })

  it("is not alarmed by one stranger's probe, but by several, or by one from where deliveries come", async () => {
    const { receive, refuse, explain } = await createHistory()
    await receive({ at: before(600) })
    const probe = (): void => {
      refuse('bad_signature', { at: before(30), providerId: 'probe' })
    }
    probe()
    expect((await explain(null)).headline).toBe('Deliveries arrive and are believed')
    probe()
    probe()
    expect((await explain(null)).headline).toBe('Webhook github refuses what it gets')
  })

  it('says that nothing was believed yet while all that came was refused', async () => {
    const { refuse, explain } = await createHistory()
    refuse('no_signature', { at: before(30), providerId: 'id-1' })
    expect((await explain('github')).headline).toBe('Webhook github (github) has believed nothing yet')
  })

  it('tells of requests that never reached a webhook, and what was probably meant', async () => {
    const { strays, receive, explain } = await createHistory()
    strays.record({ at: before(60), remoteAddress: '140.82.115.1', webhook: 'gihub', reason: 'no_webhook' })
    strays.record({ at: before(40), remoteAddress: '140.82.115.1', webhook: 'github', reason: 'no_webhook' })
    strays.record({ at: before(30), remoteAddress: '140.82.115.1', webhook: 'github', reason: 'encoded' })
    const { facts, next } = await explain(null)
    expect(facts).toContain(
      'From 140.82.115.1, 1 min ago: a request for /hooks/gihub, which is not a webhook: did you mean "github"?',
    )
    expect(facts).toContain(
      'From 140.82.115.1, 40 s ago: a request for something below /hooks/github, such as a slash at its end, where nothing is',
    )
    expect(facts).toContain('From 140.82.115.1, 30 s ago: a compressed body for /hooks/github')
    expect(next.join('\n')).toContain(
      'https://YOUR-HOST/hooks/github, with the name that the webhook has in deploy.yml',
    )
    expect((await explain('gihub')).headline).toBe('gihub is no webhook of deploy.yml, and something was sent to it')
    expect((await explain('webhook:gihub')).facts).toHaveLength(1)
    strays.record({ at: before(20), remoteAddress: '140.82.115.1', webhook: 'id-1', reason: 'no_webhook' })
    await receive({ id: 'id-1' })
    expect((await explain('id-1')).headline).toContain('Delivery 1 was accepted')
    expect((await explain('github')).facts.join('\n')).not.toContain('gihub,')
  })

  it('says of a webhook which URL belongs into the form, and what finds a push that never arrives', async () => {
    const { explain } = await createHistory()
    const { facts } = await explain('github')
    expect(facts[0]).toBe('Its URL, for the form at the git host: https://YOUR-HOST/hooks/github')
    expect(facts.at(-1)).toContain('is found by catch-up')
  })

  it('says without any app that nothing can be deployed, and not that catch-up is off', async () => {
    const { explain } = await createHistory({ apps: [] })
    const { facts, next } = await explain(null)
    expect(facts.join('\n')).not.toContain('Catch-up')
    expect(next.join('\n')).toMatch(/Nothing can be deployed yet: write an app into \/.*deploy\.yml/)
  })

  it('says where catch-up is off, and that then such a push is not noticed', async () => {
    const off = await createHistory({ apps: [createApp('blog', { catchUpMs: 0 })] })
    expect((await off.explain(null)).facts.at(-1)).toBe(
      'Catch-up is off: a push whose webhook never arrives here is not noticed: it waits for the next push, or for deployhook deploy APP.',
    )
    expect((await off.explain('blog')).facts.at(-1)).toContain('Catch-up is off for it, so a push')
    const some = await createHistory({ apps: [createApp('blog'), createApp('docs', { catchUpMs: 0 })] })
    expect((await some.explain(null)).facts.at(-1)).toBe('It is off for docs.')
  })

  it('says of which app the repository does not answer catch-up, why, and the cure', async () => {
    const failing = { times: 3, since: before(900), reason: 'auth', message: 'Asking failed. Add a deploy key.' }
    const { explain } = await createHistory({ catchUp: { failing } })
    expect((await explain(null)).facts.at(-1)).toBe('It gets no answer for blog. Why: deployhook explain app blog')
    expect((await explain('blog')).facts.slice(-2)).toEqual([
      'Catch-up has asked in vain 3 times, since 15 min ago, and goes on asking. Until it is answered, a push whose webhook never arrives here is not noticed: it waits for the next push, or for deployhook deploy blog.',
      'Asking failed. Add a deploy key.',
    ])
  })

  it('says first that nothing can be kept, when that is so', async () => {
    const full = 'the disk that /var/lib lies on has 0 KiB free'
    const { explain } = await createHistory({ diskProblems: [full], isWritable: false })
    const { headline, facts, next } = await explain(null)
    expect(headline).toBe('Nothing can be kept, so every delivery is answered 503')
    expect(facts).toContain(`Neither are deliveries kept nor is anything deployed: ${full}`)
    expect(next[0]).toContain('redeliver at the git host')
  })

  it('says of the disk that is full what it stops, also for one app', async () => {
    const { explain } = await createHistory({ diskProblems: ['the disk that /srv lies on has 1 KB free'] })
    expect((await explain(null)).facts).toContain(
      'Deliveries are kept, but deployments fail until there is room: the disk that /srv lies on has 1 KB free',
    )
    expect((await explain('app:blog')).facts).toContain(
      'Its deployments fail until there is room: the disk that /srv lies on has 1 KB free',
    )
  })

  it('puts a broken deploy.yml first', async () => {
    const { receive, explain } = await createHistory({ problems: ['deploy.yml:3:5 apps.blog: unknown key'] })
    await receive()
    const { headline, facts, next } = await explain('')
    expect(headline).toBe('deploy.yml has problems: the map from before is in use')
    expect(facts.join('\n')).toContain('deploy.yml:3:5 apps.blog: unknown key')
    expect(next[0]).toContain('deployhook check')
  })
})

describe('a subject that nothing is known of', () => {
  it.each([
    'blgo',
    '99',
    '0',
    '-1',
    '1e3',
    'delivery:99',
    'delivery:',
    'deployment:1;drop',
    'app:',
    'app:nothing',
    'webhook:x',
    'constructor',
    'constructor:x',
    '__proto__:1',
    'x'.repeat(200),
  ])('is null: %s', async (subject) => {
    const { ask, receive } = await createHistory()
    await receive()
    expect(await ask(subject)).toBeNull()
  })
})

const tip = { forced: false, version: null, by: null, reason: null } as const
