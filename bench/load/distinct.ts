import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { secret } from '../sides/deployhook.ts'
import { pushTemplate, signedPushes, writePushes } from './pushes.ts'
import { load, type Load } from './wrk.ts'

export type Sending = {
  readonly address: string
  /** `acme/app-0` unless given: of whose pushes it is. */
  readonly repository?: string
  readonly connections: number
  readonly seconds: number
}

/** Sends signed pushes by wrk, none of which was ever sent before: each is of a commit of its own. */
export function createDistinct(wrk: string, { dir }: { readonly dir: string }): (sending: Sending) => Promise<Load> {
  let files = 0
  return async ({ address, repository = 'acme/app-0', connections, seconds }) => {
    const template = pushTemplate(repository)
    const pushes = join(dir, `pushes-${files++}`)
    const count = seconds * (connections === 1 ? oneConnectionPerSecond : mostPerSecond)
    await writePushes(pushes, { template, pushes: signedPushes(count, { template, secret }) })
    try {
      return await load(wrk, { address, pushes, connections, seconds })
    } finally {
      await Promise.all(['', '.head', '.tail'].map((part) => rm(pushes + part)))
      await syncDirectory(dir)
    }
  }
}

/** So that giving back the blocks of removed files (`discard` of ext4) is not left to the next sync, somebody else's. */
async function syncDirectory(dir: string): Promise<void> {
  await using directory = await open(dir)
  await directory.sync()
}

/** More than are answered 202 in the time. */
const mostPerSecond = 13_000
const oneConnectionPerSecond = 4_000

/** Throws unless every push was accepted, and answered. */
export function demandAccepted(found: Load): Load {
  const { failed, broken, requests } = found
  if (failed + broken > 0) throw new Error(`of ${requests} pushes ${failed} were refused and ${broken} not answered`)
  return found
}
