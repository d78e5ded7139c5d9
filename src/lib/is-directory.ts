import { lstatSync } from 'node:fs'

/** A symbolic link to one is none. */
export function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
