/** Bytes in each unit, from the largest. */
const units = { TiB: 2 ** 40, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10 } as const

export const sizePattern = /^\d+(?:\.\d+)?(?:TiB|GiB|MiB|KiB)$/

/** Bytes of a size such as `512MiB` or `1.5GiB`, or null for anything else. */
export function parseSize(text: string): number | null {
  if (!sizePattern.test(text)) return null
  const unit = text.slice(-3)
  const found = Object.entries(units).find(([name]) => name === unit)
  const bytes = found === undefined ? null : Math.round(Number(text.slice(0, -3)) * found[1])
  return bytes !== null && Number.isSafeInteger(bytes) ? bytes : null
}

/** For people: `1.5 GiB`, `12 bytes`. */
export function formatSize(bytes: number): string {
  const [name, length] = Object.entries(units).find(([, unit]) => bytes >= unit) ?? ['bytes', 1]
  return `${Number((bytes / length).toFixed(1))} ${name}`
}
