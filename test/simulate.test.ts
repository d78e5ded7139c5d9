import { describe, expect, it } from 'vitest'
import { parseCron } from '../src/lib/cron.ts'
import { Secret } from '../src/lib/secret.ts'
import type { App, Webhook } from '../src/model/deploy-map.ts'
import { globOf } from '../src/model/glob.ts'
import type { ProviderName } from '../src/providers/index.ts'
import { createSimulate, type Plan, type Simulation } from '../src/simulate.ts'
import { everyApp, openGates, type Freeze, type Gates, type Hold, type Quarantined } from '../src/model/gate.ts'
import { script } from './runner/deploying.ts'
import { createApp, createMap, revision } from './support/map.ts'

const push = JSON.stringify({
  ref: 'refs/heads/main',
  before: revision('a'),
  after: revision('b'),
  repository: { full_name: 'acme/blog', clone_url: 'https://github.com/acme/blog.git' },
})
const form = `payload=${encodeURIComponent(push)}`
const formType = { 'content-type': 'application/x-www-form-urlencoded' }

describe('simulating a payload', () => {
  it.each(['github', 'gitea', 'forgejo', 'gogs'] as const)(
    'of %s plans the same for JSON and for a saved form, with or without its content type',
    async (provider) => {
      const plan = { result: 'accepted', plans: [{ app: 'blog', requestedRevision: revision('b') }] }
      expect(await simulated(provider, { body: push })).toMatchObject({ ...plan, verification: 'not_checked' })
      expect(await simulated(provider, { body: form })).toMatchObject({ ...plan, verification: 'not_checked' })
      const headers = { ...formType, [`x-${provider}-event`]: 'push' }
      expect(await simulated(provider, { body: form, headers })).toMatchObject({
        ...plan,
        verification: 'no_signature',
      })
    },
  )

  it.each(['github', 'gitea'] as const)('of %s tells what is wrong with a broken form', async (provider) => {
    expect(await simulated(provider, { body: 'payload=%zz' })).toMatchObject({ result: 'malformed', plans: [] })
    expect(await simulated(provider, { body: `${form}&${form}` })).toMatchObject({ result: 'malformed', plans: [] })
  })

  it('of a host that sends no forms takes a form for what it is: no JSON', async () => {
    expect(await simulated('gitlab', { body: form })).toMatchObject({ result: 'malformed', plans: [] })
  })

  it('that names an app with globs and no ref plans the ref that was deployed last, as a delivery would', async () => {
    const body = JSON.stringify({ app: 'blog' })
    const app = createApp('blog', { branch: null, branches: [globOf('release/*')] })
    expect(await simulated('standard', { body, app, deployed: 'refs/heads/release/2' })).toMatchObject({
      result: 'accepted',
      plans: [{ app: 'blog', ref: 'refs/heads/release/2' }],
    })
    expect(await simulated('standard', { body, app })).toMatchObject({ result: 'ignored', reason: 'branch' })
  })

  it('plans the steps of all phases, in their order', async () => {
    const [beforeSwitch, activate] = [[script('migrate')], [script('restart')]]
    const app = createApp('blog', { strategy: 'releases', activate, beforeSwitch, steps: [script('build')] })
    const steps = (await simulated('github', { body: push, app })).plans[0]?.steps
    expect(steps?.map(({ phase, name }) => `${phase}: ${name}`)).toEqual([
      'build: build',
      'before_switch: migrate',
      'activate: restart',
    ])
  })

  it('is judged by one map, though a reload comes in between', async () => {
    const body = JSON.stringify({ app: 'blog' })
    const app = createApp('blog', { branch: null, branches: [globOf('release/*')] })
    const plan = { result: 'accepted', plans: [{ app: 'blog', ref: 'refs/heads/release/2' }] }
    const reloaded: readonly App[] = []
    expect(await simulated('standard', { body, app, deployed: 'refs/heads/release/2', reloaded })).toMatchObject(plan)
  })
})

describe('simulating a push', () => {
  const by = { by: 'ann', reason: 'the sale', at: new Date('2026-03-01T11:00:00Z') }
  const freeze: Freeze = { ...by, scope: everyApp, until: null }
  const hold: Hold = { ...by, app: 'blog', release: null, revision: null, deployment: 3, until: 'unhold' }
  const rolledBack: Quarantined = { ...by, app: 'blog', revision: revision('b'), deployment: 3 }
  const closed = createApp('blog', { approve: true, windows: [window('* 9-11 * * *')] })
  const planned = async (situation: Partial<Situation>): Promise<Plan | undefined> =>
    (await simulated('github', { body: push, ...situation })).plans[0]

  it('tells all that would keep it back, in the order in which it would wait for it', async () => {
    const gates: Gates = { freezes: [freeze], holds: [hold] }
    expect(await planned({ app: closed, gates })).toMatchObject({
      gates: ['freeze', 'hold', 'approval', 'window'],
      held: hold,
      frozen: freeze,
      opensAt: new Date('2026-03-02T09:00:00Z'),
      skip: null,
    })
  })

  it('tells of nothing where all is open, of another app or over', async () => {
    const freezes = [
      { ...freeze, scope: 'shop' },
      { ...freeze, until: by.at },
    ]
    const app = createApp('blog', { windows: [window('* 9-12 * * *')] })
    expect(await planned({ app, gates: { freezes, holds: [{ ...hold, app: 'shop' }] } })).toMatchObject({
      ...{ gates: [], held: null, frozen: null, opensAt: null, skip: null },
    })
  })

  it('of what was rolled back tells that it would be skipped', async () => {
    const quarantine = [rolledBack]
    expect(await planned({ quarantine })).toMatchObject({
      skip: { reason: 'quarantined', message: expect.stringContaining('deployhook deploy blog --force') as string },
    })
    const message = expect.stringContaining(`deploy blog --revision ${revision('b')} --force`) as string
    expect(await planned({ quarantine, app: closed })).toMatchObject({ skip: { message } })
    expect(await planned({ quarantine: [{ ...rolledBack, revision: revision('a') }] })).toMatchObject({ skip: null })
  })

  it('ends a hold that lasts until the next push, unless it is of what was rolled back', async () => {
    const gates: Gates = { ...openGates, holds: [{ ...hold, until: 'next_push' }] }
    expect(await planned({ gates })).toMatchObject({ gates: [], held: null })
    expect(await planned({ gates, quarantine: [rolledBack] })).toMatchObject({ gates: ['hold'] })
  })
})

type Situation = {
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  readonly app?: App
  /** The ref of the newest deployment. */
  readonly deployed?: string
  /** The apps of the map that a reload brings while the store is asked. */
  readonly reloaded?: readonly App[]
  readonly gates?: Gates
  readonly quarantine?: readonly Quarantined[]
}

function simulated(
  provider: ProviderName,
  { body, headers = {}, app = createApp('blog'), deployed, reloaded, gates = openGates, quarantine = [] }: Situation,
): Promise<Simulation> {
  const key = provider === 'standard' ? `whsec_${Buffer.alloc(32, 7).toString('base64')}` : 'a-secret-for-simulate'
  const webhook: Webhook = { name: provider, provider, secrets: [new Secret(key)], options: {} }
  let apps: readonly App[] = [app]
  const simulate = createSimulate({
    store: {
      queue: () => Promise.resolve([]),
      gates: () => Promise.resolve(gates),
      quarantined: () => Promise.resolve(quarantine),
      deployments: () => {
        apps = reloaded ?? apps
        return Promise.resolve(deployed === undefined ? [] : [{ ref: deployed }])
      },
    },
    map: () => createMap(apps, [webhook]),
    realPath: (path) => path,
    clock: { now: () => new Date('2026-03-01T12:00:00Z') },
  })
  return simulate(webhook, { headers, body: Buffer.from(body) })
}

function window(pattern: string): App['windows'][number] {
  const parsed = parseCron(pattern, 'UTC')
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed
}
