/** What a reload came to. A refused one leaves the last good map in place. */
export type Reloaded =
  | { readonly kind: 'reloaded'; readonly warnings: readonly string[] }
  /** Each problem as `deploy.yml:LINE:COL path: what is wrong, and the cure` with the source line and a caret. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

/** The state of the deploy map, for `status` and `/readyz`. */
export type ConfigState = {
  readonly file: string
  readonly loadedAt: Date
  /** What keeps the newest file from being loaded; empty: the file and the map are the same. */
  readonly problems: readonly string[]
}
