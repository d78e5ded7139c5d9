export type HostProblemKind =
  | 'insecure'
  | 'unreachable'
  | 'redirect'
  | 'token'
  | 'right'
  | 'not_found'
  | 'too_often'
  | 'refused'
  | 'trouble'
  | 'strange'

/** What a git host's API did not do, with the cure. The message holds no secret; what it quotes of the host is not made harmless. */
export class HostProblem extends Error {
  override readonly name = 'HostProblem'
  readonly kind: HostProblemKind

  constructor(kind: HostProblemKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}
