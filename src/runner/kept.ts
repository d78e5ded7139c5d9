import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { cookieOf, liveProcesses } from './processes.ts'

/** The cookies of steps with `background: keep` that have succeeded: nobody ends what they left running any more. */
export type Kept = {
  /** Outlives the daemon, so that the next one spares them too. */
  add(cookie: string): Promise<void>
  /** Those that a live process still carries, or that are `known` to be alive; the others are forgotten. */
  alive(known: ReadonlySet<string>): Promise<ReadonlySet<string>>
}

/** One empty file per cookie in `directory`, which is made (0700) when needed. */
export function createKept(directory: string): Kept {
  return {
    async add(cookie) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await writeFile(join(directory, cookie), '', { mode: 0o600 })
    },
    async alive(known) {
      const carried = new Set([...known, ...liveProcesses().map(({ pid }) => cookieOf(pid))])
      const kept = await namesIn(directory)
      for (const cookie of kept) if (!carried.has(cookie)) await rm(join(directory, cookie), { force: true })
      return new Set(kept.filter((cookie) => carried.has(cookie)))
    },
  }
}

/** A cookie of its own, so that the end of another step of the deployment does not reach what this one leaves running. */
export function keptCookie(cookie: string, step: number): string {
  return `${cookie}.step-${step}`
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}
