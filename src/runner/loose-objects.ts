import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createInflate } from 'node:zlib'

/**
 * Loose objects of a git directory that are not what their names say, relative to it. git takes an object for written
 * when a file of its name is there, whatever is in it: a save that met a broken one would be broken, too.
 */
export async function brokenLooseObjects(gitDir: string): Promise<readonly string[]> {
  const broken: string[] = []
  for (const directory of await namesIn(join(gitDir, 'objects'), /^[0-9a-f]{2}$/)) {
    for (const rest of await namesIn(join(gitDir, 'objects', directory), /^[0-9a-f]{38}$/)) {
      const part = join('objects', directory, rest)
      if ((await idOf(join(gitDir, part))) !== directory + rest) broken.push(part)
    }
  }
  return broken
}

async function namesIn(directory: string, pattern: RegExp): Promise<readonly string[]> {
  return (await readdir(directory).catch(() => [])).filter((name) => pattern.test(name))
}

/** https://git-scm.com/book/en/v2/Git-Internals-Git-Objects: SHA-1 of the deflated bytes; null: they cannot be read. */
async function idOf(file: string): Promise<string | null> {
  const hash = createHash('sha1')
  try {
    await pipeline(createReadStream(file), createInflate(), hash)
    return hash.digest('hex')
  } catch {
    return null
  }
}
