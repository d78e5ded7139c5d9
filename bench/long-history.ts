import { join } from 'node:path'
import { Agent, request } from 'undici'
import { fillHistory, oldest, providerIdOf } from './load/history.ts'
import { createDistinct, demandAccepted } from './load/distinct.ts'
import { bodyOf, headersOf, pushTemplate, signedPushes } from './load/pushes.ts'
import { secret, startDeployhook, waitingApps, type Deployhook } from './sides/deployhook.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import { percentile, type Finding } from './support/finding.ts'
import { missing, programOf } from './support/programs.ts'

/** What a history of a million deployments costs. */
export const longHistory: Benchmark = {
  name: 'long-history',
  title: 'A history of 1,000,000 deployments beside one of 1,000',
  run,
}

const lengths = { long: 1_000_000, short: 1_000 }
type Side = keyof typeof lengths

const connections = 16
const seconds = 2
const claimsPerRound = 15
const pagesPerRound = 40

async function run({ dir, rounds, note }: Bench): Promise<Found> {
  const wrk = await programOf('wrk')
  note('filling the databases')
  await using long = await startWithHistory('long', dir)
  await using short = await startWithHistory('short', dir)

  note('accepting')
  const send = 'missing' in wrk ? null : createDistinct(wrk.path, { dir })
  const accept = async ({ address }: Deployhook): Promise<number> =>
    send === null
      ? NaN
      : demandAccepted(await send({ address, repository: 'acme/app-1', connections, seconds })).perSecond
  const rates = await alternate({ long: () => accept(long), short: () => accept(short) }, rounds)

  note('claiming')
  const claims = await alternate({ long: () => claimMs(long), short: () => claimMs(short) }, rounds, {
    warmUps: 1,
  })

  note('listing')
  const pages = await alternate(
    { long: () => listAll(long, lengths.long), short: () => listAll(short, lengths.short) },
    rounds,
    { warmUps: 1 },
  )

  const theirs = (values: readonly number[]) => ({ who: '1,000 deployments', values })
  const names = Object.keys(pages.long[0] ?? {})
  const medians = (side: Side, name: string) => pages[side].map((round) => percentile(round[name] ?? [], 0.5))
  return {
    findings: [
      {
        ...{
          what: `accept rate, ${connections} connections`,
          unit: '/s',
          ours: rates.long,
          theirs: theirs(rates.short),
        },
        target: { of: 'ratio', is: 'at least', limit: 1 / 1.25 },
      },
      {
        ...{ what: 'from a push to its claim', unit: 'ms', ours: claims.long, theirs: theirs(claims.short) },
        target: { of: 'ratio', is: 'at most', limit: 1.25 },
      },
      ...names.map((name): Finding => ({
        ...{ what: name, unit: 'ms', ours: medians('long', name) },
        theirs: theirs(medians('short', name)),
        target: { of: 'ratio', is: 'at most', limit: 1.25 },
      })),
      {
        what: 'the slowest of all pages, p99',
        unit: 'ms',
        ours: pages.long.map((round) => Math.max(...Object.values(round).map((times) => percentile(times, 0.99)))),
        theirs: null,
        target: { of: 'value', is: 'at most', limit: 20 },
      },
    ],
    skipped: missing({ 'the accept rate': wrk }),
    remarks: [
      `Pages of 50. ${oldest.app} and ${oldest.outcome} are only found among the ${oldest.count} oldest deployments.`,
      'A claim is timed by the daemon, from the arrival of the push to the start of its deployment (which then finds no repository).',
    ],
  }
}

/** One app is deployed at once, of a repository that is not there; the others wait for an approval. */
async function startWithHistory(side: Side, parent: string): Promise<Deployhook> {
  const dir = join(parent, side)
  const options = {
    dir,
    apps: {
      ...waitingApps(10, dir),
      [oldest.app]: { repo: 'https://github.com/acme/app-old.git', path: join(dir, 'srv/old'), steps: ['true'] },
      claimed: {
        repo: join(dir, 'none.git'),
        aliases: ['acme/claimed'],
        path: join(dir, 'srv/claimed'),
        steps: ['true'],
      },
    },
    server: { max_history: 10_000_000, keep_history: '365d' },
  }
  const first = await startDeployhook(options)
  first.kill('SIGTERM')
  await first.ended
  fillHistory(first.state, lengths[side])
  return startDeployhook(options)
}

/** The mean of some pushes, one after the other. */
async function claimMs(daemon: Deployhook): Promise<number> {
  const template = pushTemplate('acme/claimed')
  let total = 0
  for (const push of signedPushes(claimsPerRound, { template, secret })) {
    const answer = await request(`${daemon.address}/hooks/github`, {
      method: 'POST',
      headers: headersOf(push),
      body: bodyOf(template, push.commit),
    })
    const { deployments = [] } = (await answer.body.json()) as { deployments?: { id: number }[] }
    if (answer.statusCode !== 202 || deployments[0] === undefined) throw new Error(`a push: ${answer.statusCode}`)
    const { queuedAt, startedAt } = await ended(daemon, deployments[0].id)
    total += Date.parse(startedAt) - Date.parse(queuedAt)
  }
  return total / claimsPerRound
}

type Times = { readonly state: string; readonly queuedAt: string; readonly startedAt: string }

async function ended(daemon: Deployhook, id: number): Promise<Times> {
  for (;;) {
    const { body } = await daemon.api(`/api/deployments/${id}`)
    const deployment: Times = body
    if (deployment.state === 'done') return deployment
  }
}

/** Every listing and each of its filters: what is asked for of a history of that length. */
const listings: Readonly<Record<string, (length: number) => string>> = {
  deployments: () => '/api/deployments?',
  'deployments, from the middle': (length) => `/api/deployments?before=${length / 2}`,
  'deployments of an app': () => '/api/deployments?app=app-3',
  'deployments of an app, from the middle': (length) => `/api/deployments?app=app-3&before=${length / 2}`,
  'deployments of an app of old': () => `/api/deployments?app=${oldest.app}`,
  'deployments that are queued': () => '/api/deployments?state=queued',
  'deployments that are running': () => '/api/deployments?state=running',
  'deployments that are done': () => '/api/deployments?state=done',
  'deployments that succeeded': () => '/api/deployments?state=succeeded',
  'deployments that failed': () => '/api/deployments?state=failed',
  'deployments that failed, from the middle': (length) => `/api/deployments?state=failed&before=${length / 2}`,
  'deployments that ended as none today': () => `/api/deployments?state=${oldest.outcome}`,
  'deployments of an app that succeeded': () => '/api/deployments?app=app-8&state=succeeded',
  'deployments of an app that ended as none of it': () => `/api/deployments?app=app-8&state=${oldest.outcome}`,
  deliveries: () => '/api/deliveries?',
  'deliveries, from the middle': (length) => `/api/deliveries?before=${length / 2}`,
  'deliveries of a webhook': () => '/api/deliveries?webhook=github',
  'deliveries of a webhook that had none': () => '/api/deliveries?webhook=other',
  'deliveries for an app': () => '/api/deliveries?app=app-3',
  'deliveries for an app, from the middle': (length) => `/api/deliveries?app=app-3&before=${length / 2}`,
  'deliveries for an app of old': () => `/api/deliveries?app=${oldest.app}`,
  'a delivery by the id of its provider': (length) => `/api/deliveries?providerId=${providerIdOf(length / 2)}`,
  'a delivery by an id that never was': () => '/api/deliveries?providerId=never',
  'one deployment': (length) => `/api/deployments/${length / 2}`,
  'one delivery': (length) => `/api/deliveries/${length / 2}`,
}

/** What every page took, in milliseconds, again and again, one after the other. */
async function listAll({ state }: Deployhook, length: number): Promise<Readonly<Record<string, readonly number[]>>> {
  const agent = new Agent({ connect: { socketPath: join(state, '../control.sock') } })
  try {
    const times: Record<string, number[]> = {}
    for (let round = 0; round < pagesPerRound; round++) {
      for (const [name, pathOf] of Object.entries(listings)) {
        const begunAt = performance.now()
        const answer = await request(`http://localhost${pathOf(length)}`, { dispatcher: agent })
        const text = await answer.body.text()
        if (answer.statusCode !== 200) throw new Error(`${pathOf(length)}: ${answer.statusCode} ${text}`)
        times[name] = [...(times[name] ?? []), performance.now() - begunAt]
      }
    }
    return times
  } finally {
    await agent.close()
  }
}
