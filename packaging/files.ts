import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { run } from './run.ts'

/** Writes a file, and the directories that it lies in. */
export function put(path: string, text: string | Uint8Array, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode })
}

/** The same bytes for the same text: gzip would else write down when, and on which system. */
export function gzipped(text: string | Uint8Array): Buffer {
  const bytes = gzipSync(text, { level: 9 })
  bytes[9] = 255
  return bytes
}

/** Every file bears the same time, and can be read by everybody and written by its owner, whatever the umask here is. */
export function settle(directory: string, epoch: number): void {
  run(['chmod', '-R', 'u=rwX,go=rX', directory])
  run(['find', directory, '-exec', 'touch', '--no-dereference', `--date=@${epoch}`, '{}', '+'])
}

/** The files below, by their paths from there, in order. */
export function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort()
}

/** As Debian's policy counts it: in KiB, each file rounded up. */
export function installedKiB(directory: string): number {
  return filesIn(directory).reduce((sum, file) => sum + Math.ceil(statSync(join(directory, file)).size / 1024), 0)
}
