import { isIP } from 'node:net'
import { quoted } from './did-you-mean.ts'

/** Addresses or networks that an entry of `trust_proxy` stands for, or why it stands for none. */
export function parseProxy(entry: string): readonly string[] | { readonly problem: string } {
  if (entry === 'loopback') return ['127.0.0.0/8', '::1/128']
  const [address = '', bits, ...rest] = entry.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0 || address.includes('%')) {
    return { problem: `${quoted(entry)} is not an address (10.0.0.5), a network (10.0.0.0/8) or loopback` }
  }
  if (bits === undefined) return [entry]
  const most = version === 4 ? 32 : 128
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most)
    return { problem: `${quoted(entry)}: a network ends in /1 to /${most}` }
  if (Number(bits) === 0) return { problem: 'trusts everybody, so that anyone may claim any address: name your proxy' }
  return [entry]
}
