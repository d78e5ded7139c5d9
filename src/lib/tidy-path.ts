import { normalize } from 'node:path'

/** Without slashes at its end and doubled ones, `.` and what `..` takes back. */
export function tidyPath(path: string): string {
  return normalize(path).replace(/(?<=.)\/$/, '')
}
