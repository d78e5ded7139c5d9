import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createIngest, type Ingest, type Received } from '../../src/ingest.ts'
import { Secret } from '../../src/lib/secret.ts'
import type { App, DeployMap } from '../../src/model/deploy-map.ts'
import { providers } from '../../src/providers/index.ts'
import { openStore } from '../../src/store/index.ts'
import type { Store } from '../../src/store/store.ts'
import { fixtures } from '../providers/fixtures.ts'
import { createApp, createMap, revision } from '../support/map.ts'

const [came, later] = [new Date('2026-03-01T12:00:00Z'), new Date('2026-03-02T12:00:00Z')]
const webhook = { name: 'github', provider: 'github', secrets: [new Secret('a-secret-for-replays')], options: {} }
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

type Intake = { map: DeployMap; readonly store: Store; readonly ingest: Ingest }

async function createIntake(apps: readonly App[] = [createApp('blog')]): Promise<Intake> {
  const directory = await mkdtemp(join(tmpdir(), 'deployhook-replay-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const store = await openStore(join(directory, 'state'), { log: silent, failPoint: () => undefined })
  onTestFinished(() => store.close())
  const ingest = createIngest({
    store,
    map: () => intake.map,
    clock: { now: () => later },
    log: silent,
    failPoint: () => undefined,
    onRefused: () => undefined,
  })
  const intake: Intake = { map: createMap(apps, [webhook]), store, ingest }
  return intake
}

function receive({ ingest }: Intake, { event = 'push', ref = 'refs/heads/main' } = {}): Promise<Received> {
  const [secret] = webhook.secrets
  const pushed = { ref, before: revision('a'), after: revision('b'), repository: { full_name: 'acme/blog' } }
  const body = Buffer.from(JSON.stringify(pushed))
  const signed = providers.github.sign(
    { event, id: 'id-1', body, at: came },
    { secret: secret ?? new Secret(''), options: {} },
  )
  return ingest.receive({ webhook: 'github', ...signed, receivedAt: came, remoteAddress: '140.82.115.1' }, webhook)
}

const app = createApp('blog', { repo: 'https://github.com/acme/blog.git', aliases: ['acme/blog'] })

it('a kept delivery is judged by the map as it is now, and deploys what it could not before', async () => {
  const intake = await createIntake([])
  expect(await receive(intake)).toMatchObject({ result: 'ignored', reason: 'no_app' })
  intake.map = createMap([app], [webhook])

  expect(await intake.ingest.replay(1)).toMatchObject({
    result: 'accepted',
    delivery: 2,
    deployments: [{ app: 'blog', trigger: 'replay', requestedRevision: revision('b'), delivery: 2, queuedAt: later }],
  })
  expect(await intake.store.delivery(2)).toMatchObject({
    replayOf: 1,
    result: 'accepted',
    event: 'push',
    providerId: 'id-1',
    receivedAt: later,
  })
})

it('a delivery that was deployed is deployed again when it is replayed, for a person asked', async () => {
  const intake = await createIntake([app])
  await receive(intake)

  expect(await intake.ingest.replay(1)).toMatchObject({ result: 'accepted', delivery: 2 })
  expect(await intake.ingest.replay(2)).toMatchObject({ result: 'accepted', delivery: 3 })
  expect(await intake.store.delivery(3)).toMatchObject({ replayOf: 1 })
})

it('a replay of what wants nothing says why, as the webhook would', async () => {
  const intake = await createIntake([app])
  await receive(intake, { ref: 'refs/heads/next' })
  await receive(intake, { event: 'ping' })

  expect(await intake.ingest.replay(1)).toMatchObject({
    result: 'ignored',
    reason: 'branch',
    ignored: [{ app: 'blog', reason: 'branch' }],
  })
  expect(await intake.ingest.replay(2)).toMatchObject({ result: 'ignored', reason: 'ping', delivery: 4 })
  expect(await intake.store.delivery(4)).toMatchObject({ replayOf: 2 })
})

it('a replay proves nothing, so it is no use of a secret', async () => {
  const intake = await createIntake([app])
  await receive(intake)
  await intake.ingest.replay(1)

  expect(await intake.store.secretUses('github', webhook.secrets)).toEqual([came])
})

it('what was never kept cannot be replayed', async () => {
  const intake = await createIntake([app])
  expect(await intake.ingest.replay(1)).toEqual({ result: 'unknown' })
})

it('what is not kept any more, or never was, is not replayed, and the apps are named that can be deployed instead', async () => {
  const intake = await createIntake([app])
  intake.map = { ...intake.map, server: { ...intake.map.server, keepDeliveriesMs: 0 } }
  await receive(intake)

  expect(await intake.ingest.replay(1)).toEqual({ result: 'not_kept', apps: ['blog'] })
  intake.map = createMap([], [webhook])
  expect(await intake.ingest.replay(1)).toEqual({ result: 'not_kept', apps: [] })
})

it('a delivery whose webhook is gone or belongs to another provider now is not replayed', async () => {
  const intake = await createIntake([app])
  await receive(intake)

  intake.map = createMap([app])
  expect(await intake.ingest.replay(1)).toEqual({ result: 'webhook_gone', apps: ['blog'] })
  intake.map = createMap([app], [{ ...webhook, provider: 'gitlab' }])
  expect(await intake.ingest.replay(1)).toEqual({ result: 'other_provider', apps: ['blog'] })
  expect(await intake.store.deliveries({ limit: 9 })).toHaveLength(1)
})

it('a delivery of Gitee is replayed from a body that holds neither password nor sign', async () => {
  const fixture = fixtures.find(({ provider, name }) => provider === 'gitee' && name === 'push-by-sign')
  const gitee = { name: 'gitee', provider: 'gitee', secrets: [new Secret(fixture?.secret ?? '')], options: {} }
  const intake = await createIntake([app])
  intake.map = createMap([app], [gitee])
  const told = JSON.parse(fixture?.delivery.body.toString() ?? '') as object
  const body = Buffer.from(
    JSON.stringify({ ...told, password: 'hunter2', sign: fixture?.delivery.headers['x-gitee-token'] }),
  )
  const sent = { ...(fixture?.delivery ?? expect.fail()), webhook: 'gitee', body }
  expect(await intake.ingest.receive(sent, gitee)).toMatchObject({ delivery: 1 })

  const recalled = await intake.store.recall(1, later)
  expect(JSON.parse(recalled?.delivery?.body.toString() ?? '')).toEqual({
    ...told,
    password: '[secret]',
    sign: '[secret]',
  })
  expect(await intake.ingest.replay(1)).toMatchObject({ delivery: 2 })
})

it('a delivery of Gitee that cannot be read is not kept, for nobody knows where its password stands', async () => {
  const fixture = fixtures.find(({ provider, name }) => provider === 'gitee' && name === 'push-by-sign')
  const gitee = { name: 'gitee', provider: 'gitee', secrets: [new Secret(fixture?.secret ?? '')], options: {} }
  const intake = await createIntake([app])
  intake.map = createMap([app], [gitee])
  const sent = { ...(fixture?.delivery ?? expect.fail()), webhook: 'gitee', body: Buffer.from('hook=%7B%22sign%22') }
  expect(await intake.ingest.receive(sent, gitee)).toMatchObject({ result: 'malformed', delivery: 1 })
  expect((await intake.store.recall(1, later))?.delivery).toBeNull()
})
