import type { App } from '../model/deploy-map.ts'
import { freezeOf, holdOf, type Freeze, type Gates, type Hold } from '../model/gate.ts'
import type { Queued } from '../store/store.ts'
import { presentCatchUp } from './present.ts'
import type { RouteDeps } from './route.ts'

type ViewDeps = Pick<RouteDeps, 'store' | 'present' | 'catchUp' | 'clock'>

/** What is the same for all apps, asked for once. */
export type Common = { readonly queue: readonly Queued[]; readonly gates: Gates }

export async function commonOf({ store }: Pick<RouteDeps, 'store'>): Promise<Common> {
  const [queue, gates] = await Promise.all([store.queue(), store.gates()])
  return { queue, gates }
}

/** An app as the API shows it: what is live, runs and waits, and what keeps it back. */
export async function appView(app: App, { queue, gates }: Common, deps: ViewDeps): Promise<object> {
  const { store, present, catchUp, clock } = deps
  const [live, [last]] = await Promise.all([store.live(app.name), store.deployments({ app: app.name, limit: 1 })])
  const own = queue.filter((other) => other.app === app.name)
  return {
    name: app.name,
    repo: app.repo.url,
    branch: app.branch,
    branches: app.branches.map(({ text }) => text),
    tags: app.tags.map(({ text }) => text),
    path: app.path,
    strategy: app.strategy,
    live: live.revision === null ? null : { revision: live.revision, deployment: live.deployment, at: live.at },
    release: live.release,
    held: presentHold(holdOf(app.name, gates)),
    frozen: presentFreeze(freezeOf(app.name, gates, clock.now())),
    running: own.find(({ state }) => state === 'running')?.id ?? null,
    queued: own.filter(({ state }) => state === 'queued').map(({ id }) => id),
    last: last === undefined ? null : await present.one(last),
    catchUp: presentCatchUp(catchUp(app)),
  }
}

export function presentHold(hold: Hold | null): object | null {
  if (hold === null) return null
  const { by, reason, at, release, revision, deployment, until } = hold
  return { by, reason, at, release, revision, deployment, until }
}

/** `scope` is the app, or `*` for all: what `unfreeze` ends. */
export function presentFreeze(freeze: Freeze | null): object | null {
  if (freeze === null) return null
  const { scope, by, reason, at, until } = freeze
  return { scope, by, reason, at, until }
}
