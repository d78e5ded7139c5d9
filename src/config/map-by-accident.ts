import { didYouMean } from './did-you-mean.ts'

/** What to say of a text such as `echo: hi`, which YAML takes for a map; null: it is one on purpose. `keys`: what that has. */
export function mapByAccident(value: unknown, keys: readonly string[]): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const [key, ...others] = Object.keys(value)
  if (key === undefined || others.length > 0 || keys.includes(key) || didYouMean(key, keys).startsWith(':')) return null
  return 'is a map to YAML, because of the colon in it: put the whole command in quotes'
}
