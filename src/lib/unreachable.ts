/** Ends a switch over a union: a new kind that nobody handles fails to compile, and throws if it ever gets here. */
export function unreachable(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`)
}
