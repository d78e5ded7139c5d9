import type { Socket } from 'node:net'
import { HttpError, type HttpErrorCode } from './http-error.ts'
import { securityHeaders } from './security-headers.ts'

/** Not imported: that would load all of Node's own undici with it, 4 MiB and 20 ms at the start. */
const { STATUS_CODES } = process.getBuiltinModule('node:http')

/**
 * Answers what never became a request: too slow, too long, or not HTTP at all. The connection ends with it. On one that
 * is `answering` already nothing is written: it would land in the middle of the other answer.
 */
export function answerBrokenRequest(
  error: Broken,
  socket: Socket,
  { answering, note }: { answering: boolean; note: (socket: Socket, code: HttpErrorCode) => void },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable || answering) {
    socket.destroy()
    return
  }
  const [code, headers] = answerTo(error)
  note(socket, code)
  const { status, body } = new HttpError(code)
  const text = JSON.stringify(body)
  const lines = Object.entries({
    ...securityHeaders,
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`)
  socket.destroySoon()
}

/** What Node says of it: https://nodejs.org/api/http.html#event-clienterror */
export type Broken = Error & { readonly code?: string; readonly rawPacket?: unknown }

function answerTo({ code, rawPacket }: Broken): [HttpErrorCode, Readonly<Record<string, string>>] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return ['timeout', {}]
  if (code === 'HPE_HEADER_OVERFLOW') return ['headers_too_large', {}]
  // Node's parser refuses a method that it does not know before there is a request; a TLS greeting ends here too.
  if (code === 'HPE_INVALID_METHOD' && isHookRequest(rawPacket)) return ['method_not_allowed', { allow: 'POST' }]
  return ['bad_request', {}]
}

function isHookRequest(rawPacket: unknown): boolean {
  return (
    rawPacket instanceof Buffer &&
    /^[A-Za-z-]{1,32} \/hooks\/[!-~]* HTTP\/1\.[01]\r?\n/.test(rawPacket.toString('latin1', 0, 512))
  )
}
