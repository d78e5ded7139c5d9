import { mkdir } from 'node:fs/promises'
import { errorCode } from '../lib/error-code.ts'

/** Makes a directory, with those above it; `forbidden`: the rights are not there. A disk that is full or broken throws. */
export async function makePath(path: string): Promise<'made' | 'there' | 'forbidden'> {
  try {
    return (await mkdir(path, { recursive: true, mode: 0o755 })) === undefined ? 'there' : 'made'
  } catch (error) {
    if (forbidden.has(errorCode(error) ?? '')) return 'forbidden'
    throw error
  }
}

/** Node says ENOENT where a file system cannot be written to, as behind ProtectSystem=. */
const forbidden: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT'])

/** What a person must do so that the path of an app can be used. */
export function forbiddenText(path: string): string {
  return `deployhook may not make ${path}, or write to it. As root: install -d -o USER ${path}; USER is deployhook under its systemd unit, which elsewhere than below /srv and /var/www also wants drop-ins/write-paths.conf.`
}
