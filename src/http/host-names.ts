import { isIPv4 } from 'node:net'
import type { DeployMap, Listen } from '../model/deploy-map.ts'

/**
 * Whether a Host header names this daemon: loopback, where it listens, `public_url` or `hosts`. A page of another name
 * that was pointed at this address (DNS rebinding) is refused by it. The port does not matter.
 */
export function isOwnHost(header: string | undefined, { server }: DeployMap, listens: Listen | null): boolean {
  const name = hostNameIn(header)
  if (name === null) return false
  if (name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'))) return true
  const own = [
    ...listenHosts(server.listen),
    ...listenHosts(listens),
    ...publicHosts(server.publicUrl),
    ...server.hosts,
  ]
  return own.some((host) => bare(host) === name)
}

/** The host of a Host header in lower case, without port, brackets and trailing dot; null when it is not one. */
export function hostNameIn(header: string | undefined): string | null {
  const [, host] = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? '') ?? []
  return host === undefined ? null : bare(host)
}

function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}

function listenHosts(listen: Listen | null): readonly string[] {
  return listen?.kind === 'tcp' ? [listen.host] : []
}

function publicHosts(url: string | null): readonly string[] {
  return url !== null && URL.canParse(url) ? [new URL(url).hostname] : []
}
