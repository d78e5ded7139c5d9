import type { App } from '../model/deploy-map.ts'
import type { Revision } from '../model/revision.ts'
import type { Chore, MirrorFacts } from '../model/upkeep.ts'

/** Keeps mirrors small while nobody needs them. */
export type Mirrors = {
  /** All that are there, also those that no app of the map fetches into. */
  list(apps: Iterable<App>): Promise<readonly Mirror[]>
  /** Does what the mirror needs, unless somebody is at it; gives way as soon as a deployment wants it. */
  tend(mirror: Mirror, context: TendContext): Promise<Tended>
}

export type Mirror = {
  readonly directory: string
  /** Apps of the map that fetch into it. */
  readonly apps: readonly App[]
}

export type TendContext = {
  readonly signal: AbortSignal
  /** `DEPLOYHOOK_COOKIE` of every process. */
  readonly cookie: string
  /** Commits that an app may be taken back to. */
  readonly keep: (app: string) => Promise<readonly Revision[]>
  /** False while room on the disk is short: packs are then left as they are. */
  readonly mayFillDisk: boolean
}

export type Tended =
  | { readonly kind: 'no_need' }
  | {
      readonly kind: 'tended'
      readonly chores: readonly Chore[]
      readonly before: MirrorFacts
      readonly after: MirrorFacts
    }
  | { readonly kind: 'removed' }
  /** A deployment wanted it, or the daemon stops. What was done stays done; the rest is for another time. */
  | { readonly kind: 'gave_way' }
  /** Somebody else's git is at work in it, or (null) a deployment of ours. */
  | { readonly kind: 'busy'; readonly pid: number | null }
  | { readonly kind: 'failed'; readonly message: string }
