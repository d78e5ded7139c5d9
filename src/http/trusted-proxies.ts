import { BlockList, isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import type { DeployMap } from '../model/deploy-map.ts'

/**
 * Whether the hop at `address` is a proxy of `server.trust_proxy`, so that what it forwards is believed. Over a unix
 * socket there is no address: whoever was let at it counts as one, if there are any.
 */
export function createProxyTrust(map: () => DeployMap): (address: string | undefined, hop: number) => boolean {
  let known: { readonly entries: readonly string[]; readonly list: BlockList } | null = null
  return (address, hop) => {
    const entries = map().server.trustProxy
    if (entries.length === 0) return false
    if (known?.entries !== entries) known = { entries, list: listOf(entries) }
    if (address === undefined || address === '') return hop === 0
    const family = familyOf(address)
    return family !== null && known.list.check(address, family)
  }
}

/** Where the request comes from: the sender's address, of behind the trusted proxies if there are any, or `unix`. */
export function addressOf({ ip, socket }: Pick<FastifyRequest, 'ip' | 'socket'>): string {
  if (isIP(ip) !== 0) return ip
  return socket.remoteAddress ?? 'unix'
}

function listOf(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [network = '', bits] = entry.split('/')
    const family = familyOf(network)
    if (family === null) continue // the schema of deploy.yml has refused it; never trusted
    if (bits === undefined) list.addAddress(network, family)
    else list.addSubnet(network, Number(bits), family)
  }
  return list
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = isIP(address)
  if (version === 0) return null
  return version === 4 ? 'ipv4' : 'ipv6'
}
