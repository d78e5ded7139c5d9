import { formatDuration } from '../lib/duration.ts'
import type { CatchUpState } from '../model/catch-up-state.ts'
import type { Deployment, WaitingFor } from '../model/deployment.ts'
import { standings, waitingFor } from '../model/queue.ts'
import type { ReportRecord } from '../model/report.ts'
import type { HttpDeps } from './http-deps.ts'

/** A deployment as the API shows it (DESIGN §6); times become ISO 8601 with JSON. */
export type DeploymentView = Omit<Deployment, 'steps'> & {
  readonly waitingFor: WaitingFor | null
  readonly steps: readonly Omit<Deployment['steps'][number], 'number'>[]
}

export type Presenter = {
  one(deployment: Deployment): Promise<DeploymentView>
  /** Asks for the queue at most once. */
  all(deployments: readonly Deployment[]): Promise<readonly DeploymentView[]>
}

/** Shows deployments, and of the queued ones what they wait for as things stand now. */
export function createPresenter({
  store,
  map,
  realPath,
  clock,
}: Pick<HttpDeps, 'store' | 'map' | 'realPath' | 'clock'>): Presenter {
  return {
    async all(deployments) {
      const waiting = deployments.some(({ state }) => state === 'queued') ? await asThingsStand() : notQueued
      return deployments.map((deployment) => viewOf(deployment, waiting(deployment.id)))
    },
    async one(deployment) {
      const waiting = deployment.state === 'queued' ? await asThingsStand() : notQueued
      return viewOf(deployment, waiting(deployment.id))
    },
  }

  async function asThingsStand(): Promise<(id: number) => WaitingFor | null> {
    const { apps, server } = map()
    const [queued, gates] = await Promise.all([store.queue(), store.gates()])
    const queue = standings(queued, { apps, realPath, gates, at: clock.now() })
    return (id) => waitingFor(id, { queue, maxRunning: server.maxRunning })
  }
}

const notQueued = (): null => null

function viewOf(deployment: Deployment, waiting: WaitingFor | null): DeploymentView {
  return {
    id: deployment.id,
    app: deployment.app,
    requestedRevision: deployment.requestedRevision,
    revision: deployment.revision,
    ref: deployment.ref,
    trigger: deployment.trigger,
    state: deployment.state,
    waitingFor: deployment.state === 'queued' ? waiting : null,
    outcome: deployment.outcome,
    reason: deployment.reason,
    message: deployment.message,
    supersededBy: deployment.supersededBy,
    delivery: deployment.delivery,
    attempts: deployment.attempts,
    queuedAt: deployment.queuedAt,
    startedAt: deployment.startedAt,
    finishedAt: deployment.finishedAt,
    release: deployment.release,
    adopt: deployment.adopt,
    exact: deployment.exact,
    forced: deployment.forced,
    approvedAt: deployment.approvedAt,
    approvedBy: deployment.approvedBy,
    askedBy: deployment.askedBy,
    note: deployment.note,
    steps: deployment.steps.map(({ name, phase, attempt, exitCode, signal, startedAt, finishedAt }) => ({
      name,
      phase,
      attempt,
      exitCode,
      signal,
      startedAt,
      finishedAt,
    })),
  }
}

/** What was told of a deployment, to whom, or what keeps it from being told. */
export function presentReport({ reporter, kind, state, attempts, nextAttemptAt, sentAt, error }: ReportRecord): object {
  return { reporter, kind, state, attempts, nextAttemptAt, sentAt, error }
}

/** `every` as deploy.yml would say it; null: off. */
export function presentCatchUp({ everyMs, answeredAt, failing }: CatchUpState): CatchUpView {
  return { every: everyMs === 0 ? null : formatDuration(everyMs), answeredAt, failing }
}

export type CatchUpView = Pick<CatchUpState, 'answeredAt' | 'failing'> & { readonly every: string | null }
