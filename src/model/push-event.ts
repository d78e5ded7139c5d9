import type { Revision } from './revision.ts'

/** What a push did to one ref, in words that no git host owns. Made by a provider's `parse` from a verified delivery. */
export type PushEvent = {
  /** The repository as the host shows it, for people: `acme/blog`; null where an app is named instead. */
  readonly repository: string | null
  /** Every identity by which the payload names the repository, normalised: `github.com/acme/blog`, and `acme/blog`. */
  readonly names: readonly string[]
  /** The app that is meant, by its name in deploy.yml: only a sender that knows the map (`standard`) can say that. */
  readonly app: string | null
  /**
   * Full ref name: `refs/heads/main`, `refs/tags/v1`. Checked against git's own rules for ref names. null: whatever
   * `app` deploys.
   */
  readonly ref: string | null
  /** null: the ref was created by this push. */
  readonly before: Revision | null
  /** null: the ref was deleted by this push, or the sender does not say. */
  readonly after: Revision | null
  readonly deleted: boolean
  /** null where the host does not say (GitLab). */
  readonly forced: boolean | null
  readonly headCommit: HeadCommit | null
  readonly pusher: string | null
}

/** The newest commit, for people and for `skip`; message and author are whatever somebody typed. */
export type HeadCommit = { readonly message: string; readonly author: string | null }
