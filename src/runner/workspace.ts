import type { App } from '../model/deploy-map.ts'
import type { Revision } from '../model/revision.ts'
import type { Stop } from './runner.ts'

/** The git side of a deployment: mirrors, trees and views (DESIGN §8). Failure is a value with a code and its cure. */
export type Workspace = {
  /** Brings what `ref` leads to, a branch's tip or a tag's commit, into the mirror and names it. Never answers from an earlier fetch. */
  fetch(app: App, context: FetchContext): Promise<Fetched>
  /** Files that differ between two commits of the mirror; null when that cannot be told. */
  changedFiles(
    app: App,
    between: { readonly from: Revision; readonly to: Revision },
    context: GitContext,
  ): Promise<readonly string[] | null>
  /** What the author wrote of a commit of the mirror; null when that cannot be told. */
  messageOf(app: App, revision: Revision, context: GitContext): Promise<string | null>
  /**
   * Makes the tree at `app.path` hold exactly `revision`: adopts what stands there, saves what is dirty or in the way,
   * checks out, asserts, renews the steps' view. Untracked and ignored files stay.
   * `context.ref`: what is fetched when the mirror turns out to be broken.
   */
  checkout(app: App, revision: Revision, context: FetchContext & CheckoutOptions): Promise<CheckedOut>
  /** Puts the files of `revision` into an empty directory, with a view of their own for the steps. Asserted like a checkout. */
  checkoutRelease(app: App, revision: Revision, context: FetchContext & ReleaseOptions): Promise<CheckedOut>
  /** Whether the mirror has a commit. */
  holds(app: App, revision: Revision, context: GitContext): Promise<boolean>
  /** The commit that `revision` is, or that it leads to as an annotated tag; null unless it is `from` or one of those that came from. */
  reachableCommit(
    app: App,
    between: { readonly revision: Revision; readonly from: Revision },
    context: GitContext,
  ): Promise<Revision | null>
  /** What the tree at the app's path was made from; null: it has none, or is not whole. */
  checkedOut(app: App): Promise<Revision | null>
  /** After the last step: remembers the tree as built, so that what the build itself changed is not saved as yours. */
  recordBuilt(app: App, context: GitContext): Promise<void>
  /** The branches and tags that the app's remote has now, of those that are wanted. Touches nothing but the network. */
  listRefs(app: App, context: ListContext): Promise<Listed>
  /** The app's tree and view follow it to its new name. */
  rename(from: string, to: string): Promise<void>
}

export type GitContext = {
  readonly signal: AbortSignal
  /** `DEPLOYHOOK_COOKIE` of every process. */
  readonly cookie: string
  /** A line in the deployment's log. */
  readonly note: (text: string) => Promise<void>
}

export type FetchContext = GitContext & {
  /** In full: `refs/heads/main`, `refs/tags/v1`. */
  readonly ref: string
}

export type ListContext = Pick<GitContext, 'signal' | 'cookie'> & {
  /** By full name; the rest is not kept. */
  readonly wants: (ref: string) => boolean
  /** For the whole answer. */
  readonly timeoutMs: number
}

export type Listed =
  | { readonly kind: 'refs'; readonly tips: ReadonlyMap<string, Revision> }
  | GitFailure
  | { readonly kind: 'stopped'; readonly why: Stop }

export type CheckoutOptions = {
  readonly deployment: number
  /** A directory with other files may be taken over. */
  readonly adopt: boolean
}

export type ReleaseOptions = {
  /** Absolute. */
  readonly directory: string
  /** Where the steps' repository is made; null: they have none. */
  readonly view: string | null
  /** A release to share disk blocks with, where the file system can; null: there is none, or its files cannot be trusted. */
  readonly earlier: { readonly directory: string; readonly revision: Revision } | null
}

export type Fetched =
  | { readonly kind: 'tip'; readonly revision: Revision }
  | { readonly kind: 'branch_gone' }
  | GitFailure
  | { readonly kind: 'stopped'; readonly why: Stop }

export type CheckedOut =
  { readonly kind: 'checked_out' } | GitFailure | { readonly kind: 'stopped'; readonly why: Stop }

export type GitFailure = {
  readonly kind: 'failed'
  readonly reason: GitFailureReason
  /** What failed, where, and the cure. Holds no secret. */
  readonly message: string
}

export type GitFailureReason =
  | 'auth'
  | 'host_key'
  | 'not_found'
  | 'network'
  | 'tls'
  | 'too_slow'
  | 'git_missing'
  | 'dubious_ownership'
  | 'bad_objects'
  | 'store_broken'
  | 'disk_full'
  | 'disk_failed'
  | 'resources_short'
  | 'path_occupied'
  | 'path_unusable'
  | 'state_unusable'
  | 'unsupported_clone'
  | 'locked'
  | 'checkout_mismatch'
  | 'git_failed'
