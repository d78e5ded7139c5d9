import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { errorCode } from '../../lib/error-code.ts'
import { isDirectory } from '../../lib/is-directory.ts'
import { newestFirst, type Release } from '../../model/release.ts'
import { parseRevision } from '../../model/revision.ts'
import { replaceFile } from '../replace-file.ts'
import { readCurrent, type Layout } from './layout.ts'

/** What is known of a release besides its files: out of reach of its steps. */
export type ReleaseRecord = Omit<Release, 'name' | 'isLive'>

const written = z.object({
  revision: z.string().transform((text, context) => {
    const revision = parseRevision(text)
    if (revision !== null) return revision
    context.addIssue('is not a commit id')
    return z.NEVER
  }),
  ref: z.string(),
  deployment: z.int(),
  fingerprint: z.string(),
  madeAt: z.coerce.date(),
  isComplete: z.boolean(),
  isProven: z.boolean(),
})

/** Each is the old one or the new one at every instant, also after a power cut. */
export async function writeRecord(layout: Layout, name: string, record: ReleaseRecord): Promise<void> {
  const file = layout.recordOf(name)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await replaceFile(file, `${JSON.stringify(record)}\n`)
}

export async function changeRecord(layout: Layout, name: string, change: Partial<ReleaseRecord>): Promise<void> {
  const record = await readRecord(layout, name)
  if (record !== null) await writeRecord(layout, name, { ...record, ...change })
}

/** null: there is none, or nothing that can be relied on. */
export async function readRecord(layout: Layout, name: string): Promise<ReleaseRecord | null> {
  const text = await readFile(layout.recordOf(name), 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return ''
    throw error
  })
  try {
    return written.parse(JSON.parse(text))
  } catch {
    return null
  }
}

export async function removeRecord(layout: Layout, name: string): Promise<void> {
  await rm(layout.recordOf(name), { force: true })
}

/** Every release that has its record and its directory, newest first. */
export async function listReleases(layout: Layout): Promise<readonly Release[]> {
  const current = await readCurrent(layout)
  const releases: Release[] = []
  for (const name of await recordedNames(layout)) {
    const record = await readRecord(layout, name)
    if (record === null || !isDirectory(layout.directoryOf(name))) continue
    releases.push({ name, ...record, isLive: current.kind === 'release' && current.name === name })
  }
  return releases.sort(newestFirst)
}

/** Also those whose directory was never made, or is gone. */
export async function recordedNames({ records }: Layout): Promise<readonly string[]> {
  const names = await readdir(records).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  })
  return names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length))
}
