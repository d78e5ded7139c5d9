import { errorCode } from './error-code.ts'

/**
 * Why nothing came back from a server, by the error's code, as what is said of it: `cut the connection`. The error's own
 * text may quote anything, a header's value too.
 */
export function networkProblem(error: unknown): string {
  const code = errorCode(error) ?? (error instanceof Error ? error.name : 'an unknown error')
  return known[code] ?? tlsProblem(code) ?? `cannot be reached (${code})`
}

const known: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections: nothing listens there (yet)',
  ECONNRESET: 'cut the connection',
  EPIPE: 'cut the connection',
  UND_ERR_SOCKET: 'cut the connection',
  ENOTFOUND: 'has a name that DNS does not know',
  EAI_AGAIN: 'has a name that cannot be looked up: DNS does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'cannot be connected to in time',
  EMFILE: 'cannot be asked: the system allows no further open file (ulimit -n, or LimitNOFILE of the service)',
  UND_ERR_HEADERS_OVERFLOW: 'answered with more than 16 KiB of headers',
  UND_ERR_INVALID_ARG: 'cannot be asked: one of its headers cannot be sent',
  UND_ERR_NOT_SUPPORTED: 'cannot be asked: one of its headers cannot be sent',
  CERT_HAS_EXPIRED: 'has a TLS certificate that has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a TLS certificate for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'does not speak TLS: is it http?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'does not speak TLS: is it http?',
}

function tlsProblem(code: string): string | null {
  if (/^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code))
    return `has no TLS certificate that is trusted (${code}): name its authority in NODE_EXTRA_CA_CERTS`
  if (/^HPE_|^HTTPParserError$/.test(code)) return 'does not speak HTTP'
  return /^ERR_(?:TLS|SSL)_|^EPROTO$/.test(code) ? `cannot be reached by TLS (${code})` : null
}
