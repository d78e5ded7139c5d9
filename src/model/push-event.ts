import type { Revision } from './revision.ts'

/** What a push did to one ref, in words that no git host owns. Made by a provider's `parse` from a verified delivery. */
export type PushEvent = {
  /** The repository as the host shows it, for people: `acme/blog`. */
  readonly repository: string
  /** Every identity by which the payload names the repository, normalised: `github.com/acme/blog`, and `acme/blog`. */
  readonly names: readonly string[]
  /** Full ref name: `refs/heads/main`, `refs/tags/v1`. Checked against git's own rules for ref names. */
  readonly ref: string
  /** null: the ref was created by this push. */
  readonly before: Revision | null
  /** null: the ref was deleted by this push. */
  readonly after: Revision | null
  /** null where the host does not say (GitLab). */
  readonly forced: boolean | null
  readonly headCommit: HeadCommit | null
  readonly pusher: string | null
}

/** The newest commit, for people and for `skip`; message and author are whatever somebody typed. */
export type HeadCommit = { readonly message: string; readonly author: string | null }
