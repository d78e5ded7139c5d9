import type { DeploymentView } from './api.ts'
import { exit } from './cli-error.ts'
import type { Client } from './client.ts'
import type { Cli } from './command.ts'
import { follow } from './follow.ts'
import { createLogView } from './log-view.ts'
import { isGood, naming, shortRevision, standing, took } from './show-deployment.ts'
import { oneLine } from './text.ts'

export type WatchOptions = { readonly wait: boolean; readonly json?: boolean }

/**
 * Follows a deployment that was just asked for and gives the exit code of its outcome, or of its successor's. With
 * `json` nothing but the final deployment goes to stdout.
 */
export async function watch(
  asked: DeploymentView,
  { client, cli, wait, json }: WatchOptions & { readonly client: Client; readonly cli: Cli },
): Promise<number> {
  const { terminal } = cli
  if (!wait) {
    if (json) await terminal.printJson({ deployment: asked })
    else await terminal.print(`${naming(asked)} is queued; see it run: deployhook logs -f ${asked.id}`)
    return exit.done
  }
  if (asked.waitingFor === 'freeze')
    await terminal.warn(
      `${oneLine(asked.app)} is frozen, so this waits (by whom, why, and what ends it: deployhook apps)`,
    )
  const show = json ? () => Promise.resolve() : createLogView(cli)
  const followed = await follow(asked.id, { client, cli, show })
  if (followed.kind === 'left') {
    await terminal.warn(leaving(followed.id))
    return exit.interrupted
  }
  if (json) await terminal.printJson({ deployment: followed.deployment })
  else await terminal.print(ending(followed.deployment, cli))
  return isGood(followed.deployment) ? exit.done : exit.failed
}

/** Said when somebody stops following: the deployment itself goes on. */
export function leaving(id: number): string {
  return `deployment ${id} goes on without you: deployhook logs -f ${id} to see it, deployhook cancel ${id} to end it`
}

/** The last line of a followed deployment: what came of it, and where to look when it is not good. */
export function ending(deployment: DeploymentView, { terminal, io }: Cli): string {
  const { id, revision, message, reason, outcome } = deployment
  const result = `${naming(deployment)} ${standing(deployment, terminal.paint)}`
  if (outcome === 'succeeded')
    return `${result} in ${took(deployment, io.clock.now())}: ${shortRevision(revision)} is live`
  const why = message ?? reason
  const said = why === null ? result : `${result}: ${oneLine(why)}`
  return isGood(deployment) ? said : `${said}\nsee: deployhook explain ${id}`
}
