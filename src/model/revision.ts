declare const brand: unique symbol

/** A full commit id in lower-case hex: 40 digits (SHA-1) or 64 (SHA-256), never all zeros. */
export type Revision = string & { readonly [brand]: 'Revision' }

/** The revision that `text` spells, or null when it is anything but 40 or 64 lower-case hex digits, or all zeros. */
export function parseRevision(text: unknown): Revision | null {
  if (typeof text !== 'string' || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) || isZeroSha(text)) return null
  return text as Revision
}

/** What stands for "no commit" in a repository of SHA-1 ids. */
export const zeroSha = '0'.repeat(40)

/** Git hosts write a missing commit (a branch just made, or deleted) as zeros: 40 for SHA-1 and 64 for SHA-256. */
export function isZeroSha(text: string): boolean {
  return /^(?:0{40}|0{64})$/.test(text)
}
