import type { LookupAddress, LookupOptions, lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** The name or address is not one of the public internet. */
export class PrivateAddress extends Error {
  override readonly name = 'PrivateAddress'
}

/** Whether an address may be reached although nobody said so: not this machine, its network or anything special. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !special.check(address, 'ipv4')
  return family === 6 && global.check(address, 'ipv6') && !special.check(address, 'ipv6')
}

/** What URLs hold for a host, when it is an address: brackets are not part of it. null: it is a name. */
export function addressIn(hostname: string): string | null {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 0 ? null : bare
}

/**
 * Looks names up, and fails with `PrivateAddress` when any answer is not public. The socket connects to what this
 * answers, so that a name which answers differently the next time (rebinding) gains nothing.
 */
export function publicLookup(ask: typeof lookup): LookupFunction {
  return (hostname, options, answer) => {
    const all: LookupOptions & { all: true } = { ...options, all: true }
    ask(hostname, all, (error, addresses: LookupAddress[] | undefined) => {
      const [first, ...others] = addresses ?? []
      if (error !== null || first === undefined) answer(error ?? new Error('no address'), [])
      else if (![first, ...others].every(({ address }) => isPublicAddress(address))) answer(new PrivateAddress(), [])
      else if (options.all === true) answer(null, [first, ...others])
      else answer(null, first.address, first.family)
    })
  }
}

/** Of IPv6 only the range that is given out is public: https://www.iana.org/assignments/ipv6-address-space */
const global = new BlockList()
global.addSubnet('2000::', 3, 'ipv6')

/** https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister, with the tunnels into IPv4. */
const special = new BlockList()
for (const [network, prefix] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ] as const),
  ...([
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
  ] as const),
  ...([
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ] as const),
]) {
  special.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  special.addSubnet(network, prefix, 'ipv6')
}
