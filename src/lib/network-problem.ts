import { errorCode } from './error-code.ts'

/**
 * Why nothing came back from a server, by the error's code, as what is said of it: `refuses connections`. The error's
 * own text may quote anything, a header's value too.
 */
export function networkProblem(error: unknown, { otherwise }: { readonly otherwise: string }): string {
  const code = errorCode(error) ?? (error instanceof Error ? error.name : 'an unknown error')
  return (
    knownProblems[code] ??
    (isOfTls(code) ? `has no TLS certificate that is trusted (${code})` : `${otherwise}: ${code}`)
  )
}

const knownProblems: Readonly<Record<string, string>> = {
  ENOTFOUND: 'is not a name that DNS knows',
  EAI_AGAIN: 'cannot be looked up: DNS does not answer',
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'cut the connection',
  UND_ERR_SOCKET: 'cut the connection',
  UND_ERR_CONNECT_TIMEOUT: 'cannot be connected to in time',
  UND_ERR_HEADERS_OVERFLOW: 'answered with endless headers',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
}

function isOfTls(code: string): boolean {
  return /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code)
}
