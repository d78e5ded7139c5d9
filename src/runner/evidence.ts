import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** What is broken of a git directory of ours: kept beside it, under the time it was found at. */
export type Evidence = {
  /** Moves the directory itself there; says where it is now. */
  keepAll(): Promise<string>
  /** Moves a part of it there, under the same name; says where that is now. */
  keep(part: string): Promise<string>
}

/** Only the newest is kept: the older goes when there is something new to keep. */
export function createEvidence(directory: string, at: Date): Evidence {
  const kept = `${evidencePrefix(directory)}${at.toISOString().replace(/[-:]|\.\d+/g, '')}`
  let isCleared = false

  async function clear(): Promise<void> {
    if (isCleared) return
    for (const older of await evidenceOf(directory)) await rm(older, { recursive: true, force: true })
    isCleared = true
  }

  return {
    async keepAll() {
      await clear()
      await rename(directory, kept)
      return kept
    },
    async keep(part) {
      await clear()
      const target = join(kept, part)
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      await rename(join(directory, part), target)
      return kept
    },
  }
}

/** What is kept of this directory. */
export async function evidenceOf(directory: string): Promise<readonly string[]> {
  const prefix = basename(evidencePrefix(directory))
  const names = await readdir(dirname(directory)).catch(() => [])
  return names.filter((name) => name.startsWith(prefix)).map((name) => join(dirname(directory), name))
}

function evidencePrefix(directory: string): string {
  return `${directory}.broken-`
}
