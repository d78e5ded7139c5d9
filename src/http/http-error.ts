/** Every refusal that is told over HTTP: its code, status, and what it says unless the thrower knows better. */
const answers = {
  bad_request: [400, 'This is not a request that can be understood.'],
  malformed: [400, 'The body is not what this webhook expects.'],
  unauthorized: [
    401,
    'This needs a token of server.api_tokens in deploy.yml, sent as "Authorization: Bearer TOKEN". On the server itself the control socket needs none.',
  ],
  forbidden: [403, 'This token may only read; it needs "can: operate".'],
  not_found: [404, 'There is nothing here.'],
  method_not_allowed: [405, 'A webhook takes POST and nothing else.'],
  timeout: [408, 'The request did not arrive in time.'],
  conflict: [409, 'The state does not allow this.'],
  too_large: [413, 'The body is too large.'],
  encoded: [415, 'Send the body as it is, without a content encoding.'],
  expectation_failed: [417, 'No expectation but 100-continue can be met.'],
  host_not_allowed: [421, 'This host name is not one of this daemon.'],
  config_refused: [422, 'deploy.yml has problems; the last good one stays in force.'],
  too_many_refused: [429, 'Too many refused requests from this address.'],
  headers_too_large: [431, 'The headers are too large.'],
  internal: [500, 'Something went wrong here; the log of the daemon says what.'],
  unavailable: [503, 'Nothing can be kept right now. Try again.'],
} as const satisfies Record<string, readonly [status: number, message: string]>

export type HttpErrorCode = keyof typeof answers

/** A request that is not granted, ready to be answered. `code` may be made more precise in the body by `as`. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ErrorBody & Readonly<Record<string, unknown>>

  constructor(code: HttpErrorCode, details: Details = {}) {
    const { as = code, message = answers[code][1], headers = {}, more = {} } = details
    super(message)
    this.status = answers[code][0]
    this.headers = headers
    this.body = { error: { code: as, message }, ...more }
  }
}

export type ErrorBody = { readonly error: { readonly code: string; readonly message: string } }

type Details = {
  readonly as?: string
  readonly message?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Further keys of the body. */
  readonly more?: Readonly<Record<string, unknown>>
}
