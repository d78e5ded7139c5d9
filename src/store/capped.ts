/** What somebody typed, at a length that a row and a screen can bear. */
export function capped(value: string | null | undefined, length = 300): string | null {
  if (value === null || value === undefined) return null
  return value.length <= length ? value : `${value.slice(0, length - 1).toWellFormed()}…`
}
