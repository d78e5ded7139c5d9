/** How asking a remote goes. */
export type Health = {
  /** When it last answered, since the daemon's start. */
  readonly answeredAt: Date | null
  /** null: it answered the last time. */
  readonly failing: Failing | null
}

export type Failing = {
  /** In a row. */
  readonly times: number
  readonly since: Date
  /** A code: `auth`, `network`, … */
  readonly reason: string
  /** What failed, and the cure. */
  readonly message: string
}

/** How catch-up stands for an app. */
export type CatchUpState = Health & {
  /** 0: off. */
  readonly everyMs: number
  /** It has failed repeatedly: what is pushed without a delivery is not noticed. */
  readonly isFailing: boolean
}
