import type { DeploymentResult } from '../model/deployment.ts'
import type { Revision } from '../model/revision.ts'
import type { Run } from './run.ts'
import type { Target } from './runner.ts'

/** How the files of a revision come to be what is live. One at a time per app. */
export type Strategy = {
  /** Files of a revision that the mirror has, where the build can run in them; what is live stays untouched if it can. */
  prepare(run: Run, wanted: Wanted): Promise<Prepared>
  /** An earlier version's files. */
  recall(run: Run, target: Earlier): Promise<Prepared>
  /** The build is whole: what an interrupted deployment finds of it need not be built again. */
  seal(run: Run, version: Version): Promise<void>
  /** From here on it is live. */
  goLive(run: Run, version: Version): Promise<void>
  /** What was live and well before this deployment, to go back to when it fails; null: nothing was. */
  fallback(run: Run): Promise<Earlier | null>
  /** Whether something else is live by now. */
  hasLeft(run: Run, earlier: Earlier): Promise<boolean>
  /** It runs, and its health is proven. */
  prove(run: Run, version: Version): Promise<void>
  /** What is live, for people: `/srv/blog/current leads to 20261124-…`. */
  whatIsLive(run: Run): Promise<string>
  /** After all steps: remembers what they left, forgets what is not needed any more. */
  tidy(run: Run): Promise<void>
  /** Forgets all that can be done without; says whether there was anything. */
  makeRoom(run: Run): Promise<boolean>
}

export type Wanted = {
  readonly revision: Revision
  /** In full. */
  readonly ref: string
}

export type Earlier = Exclude<Target, { kind: 'exact' }>

/** One revision's files, and what is known of them. */
export type Version = Wanted & {
  /** Where its steps run. */
  readonly directory: string
  /** Its name below `releases/`; null: it is the tree at the app's path. */
  readonly release: string | null
}

export type Prepared =
  | { readonly kind: 'prepared'; readonly version: Version; readonly isBuilt: boolean }
  | { readonly kind: 'ended'; readonly result: DeploymentResult }

export function ended(result: DeploymentResult): Extract<Prepared, { kind: 'ended' }> {
  return { kind: 'ended', result }
}
