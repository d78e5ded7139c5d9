import type { DeploymentView, LogEvent } from './api.ts'
import { CliError, exit } from './cli-error.ts'
import type { Client } from './client.ts'
import type { Cli } from './command.ts'
import { naming } from './show-deployment.ts'

/** How following ended: with the deployment, or because the person stopped looking. */
export type Followed =
  { readonly kind: 'done'; readonly deployment: DeploymentView } | { readonly kind: 'left'; readonly id: number }

export type FollowDeps = {
  readonly client: Client
  readonly cli: Cli
  /** What to do with each event. */
  readonly show: (event: LogEvent) => Promise<void>
}

/**
 * Follows a deployment to its end, and on to its successor when it was superseded. Resumes where it was after a lost
 * connection; a daemon that stays away is exit code 3. Ctrl-C ends the following and nothing else.
 */
export async function follow(id: number, deps: FollowDeps): Promise<Followed> {
  const stop = new AbortController()
  const release = deps.cli.io.onInterrupt(() => {
    stop.abort()
  })
  try {
    return await followChain(id, { ...deps, signal: stop.signal })
  } finally {
    release()
  }
}

type Following = FollowDeps & { readonly signal: AbortSignal }

async function followChain(first: number, following: Following): Promise<Followed> {
  const { cli, signal } = following
  for (let id = first; ;) {
    const deployment = await followOne(id, following)
    if (deployment === null) return { kind: 'left', id }
    if (deployment.outcome !== 'superseded' || deployment.supersededBy === null || signal.aborted) {
      return { kind: 'done', deployment }
    }
    await cli.terminal.warn(`${naming(deployment)} is superseded by ${deployment.supersededBy}: following that one`)
    id = deployment.supersededBy
  }
}

/** null: the person stopped following. */
async function followOne(id: number, following: Following): Promise<DeploymentView | null> {
  const { client, signal } = following
  const place: Place = { lastId: null, failures: 0 }
  while (!signal.aborted) {
    try {
      await readToEnd(id, place, following)
      const deployment = await client.deployment(id)
      if (deployment.state === 'done') return deployment
      throw new Error('the log has ended before the deployment: the daemon is shutting down')
    } catch (error) {
      await waitForDaemon(error, { id, place, following })
    }
  }
  return null
}

type Place = { lastId: string | null; failures: number }

async function readToEnd(id: number, place: Place, { client, signal, show }: Following): Promise<void> {
  for await (const event of await client.followLog(id, { lastId: place.lastId, signal })) {
    await show(event)
    place.lastId = event.id ?? place.lastId
    place.failures = 0
    if (event.kind === 'end') return
  }
  throw new Error('the connection has ended before the log')
}

/** Waits before the next attempt, or throws when there is nothing to wait for (any more). */
async function waitForDaemon(
  error: unknown,
  { id, place, following }: { readonly id: number; readonly place: Place; readonly following: Following },
): Promise<void> {
  const { cli, signal } = following
  if (signal.aborted) return
  if (error instanceof CliError && error.exitCode !== exit.notReachable) throw error
  place.failures += 1
  if (place.failures === 1)
    await cli.terminal.warn('the connection to the daemon is lost; waiting for it (Ctrl-C to leave)')
  if (place.failures > patience) {
    throw new CliError(`the daemon does not come back; once it does: deployhook logs -f ${id}`, {
      exitCode: exit.notReachable,
      cause: error,
    })
  }
  await cli.io.sleep(1000, signal).catch(() => undefined)
}

/** Seconds: longer than a restart takes, shorter than anybody waits. */
const patience = 30
