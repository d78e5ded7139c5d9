import { isAbsolute, normalize } from 'node:path'
import { isIP, isIPv4 } from 'node:net'
import type { Listen } from '../model/deploy-map.ts'
import { quoted } from './did-you-mean.ts'

/** `127.0.0.1:9000`, `[::1]:9000`, `localhost:9000` or `unix:/path`; or why it is none of them. Port 0: any free one. */
export function parseListen(text: string): Listen | { readonly problem: string } {
  if (text.startsWith('unix:')) return parseSocketPath(text.slice('unix:'.length))
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:[\]]*)):(?<port>\d{1,5})$/.exec(text)
  const host = match?.groups?.['v6'] ?? match?.groups?.['host']
  const port = Number(match?.groups?.['port'])
  if (host === undefined)
    return { problem: `${quoted(text)} is not HOST:PORT, such as 127.0.0.1:9000, or unix:/run/deployhook/http.sock` }
  if (host === '')
    return { problem: 'names no host: 127.0.0.1 for this machine alone, 0.0.0.0 for every network it is on' }
  if (match?.groups?.['v6'] !== undefined && isIP(host) !== 6) return { problem: `[${host}] is not an IPv6 address` }
  if (!/^[A-Za-z0-9_.:-]+$/.test(host) || looksLikeBadIPv4(host))
    return { problem: `${quoted(host)} is not a host or an address` }
  return port > 65_535 ? { problem: 'the port is at most 65535' } : { kind: 'tcp', host, port }
}

/** The kernel's limit for the name of a socket is 108 bytes with its end (unix(7)). */
const longestSocketPath = 107

function parseSocketPath(path: string): Listen | { readonly problem: string } {
  if (!isAbsolute(path)) return { problem: 'unix: needs an absolute path, such as unix:/run/deployhook/http.sock' }
  if (Buffer.byteLength(path) > longestSocketPath)
    return { problem: `the path of a socket is at most ${longestSocketPath} bytes long` }
  return { kind: 'unix', path: normalize(path) }
}

function looksLikeBadIPv4(host: string): boolean {
  return /^[\d.]+$/.test(host) && !isIPv4(host)
}
