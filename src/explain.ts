/** An answer for people: what happened, in order, and what to do next. */
export type Explanation = {
  readonly headline: string
  readonly facts: readonly string[]
  readonly next: readonly string[]
}
