import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { MirrorFacts } from '../model/upkeep.ts'
import type { Borrower } from './borrowers.ts'
import { leftoversIn } from './repository-files.ts'
import { readRegular } from './read-regular.ts'

/** In the mirror: since when nobody has had use for it. */
export function unusedFile(mirror: string): string {
  return join(mirror, 'deployhook-unused')
}

/** Looks at a mirror's files; runs no git. */
export async function lookAtMirror(
  mirror: string,
  {
    apps,
    borrowers,
    now,
  }: { readonly apps: readonly string[]; readonly borrowers: readonly Borrower[]; readonly now: Date },
): Promise<MirrorFacts> {
  const { looseObjects, halfObjects } = await lookAtObjects(mirror)
  const { packs, bytes } = await lookAtPacks(mirror)
  const { bavail, bsize } = await statfs(mirror)
  const old = async (name: string) => now.getTime() - (await timeOf(join(mirror, name))) > leftoverMs
  return {
    apps: new Set(apps),
    borrowers: new Set(borrowers.map(({ app }) => app)),
    unusedMs: await unusedMs(mirror, now),
    packs,
    looseObjects,
    refs: await refsOfOurs(mirror),
    leftovers: await those([...(await leftoversIn(mirror)), ...halfObjects], old),
    hasRoom: bavail * bsize > bytes,
  }
}

/** A git that is at work may be writing them. */
const leftoverMs = 86_400_000

async function unusedMs(mirror: string, now: Date): Promise<number | null> {
  const at = Date.parse((await readRegular(unusedFile(mirror), 100)).trim())
  return Number.isNaN(at) ? null : now.getTime() - at
}

async function lookAtObjects(mirror: string): Promise<{ looseObjects: number; halfObjects: readonly string[] }> {
  let looseObjects = 0
  const halfObjects: string[] = []
  for (const directory of (await names(join(mirror, 'objects'))).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    for (const name of await names(join(mirror, 'objects', directory))) {
      if (name.startsWith('tmp_obj_')) halfObjects.push(join('objects', directory, name))
      else looseObjects += 1
    }
  }
  return { looseObjects, halfObjects }
}

async function lookAtPacks(mirror: string): Promise<{ packs: readonly number[]; bytes: number }> {
  const directory = join(mirror, 'objects/pack')
  const packs: number[] = []
  let bytes = 0
  for (const name of (await names(directory)).filter((each) => each.endsWith('.pack'))) {
    packs.push(await objectsIn(join(directory, name)))
    bytes += await stat(join(directory, name)).then(
      ({ size }) => size,
      () => 0,
    )
  }
  return { packs, bytes }
}

/** `PACK`, a version and the number, of 4 bytes each: https://git-scm.com/docs/gitformat-pack. 0 for one that is cut off. */
async function objectsIn(pack: string): Promise<number> {
  const head = Buffer.from(await readRegular(pack, 12), 'latin1')
  return head.length === 12 ? head.readUInt32BE(8) : 0
}

/** Of a million refs. */
const maxPackedRefsBytes = 128 * 2 ** 20

async function refsOfOurs(mirror: string): Promise<readonly string[]> {
  const packed = await readRegular(join(mirror, 'packed-refs'), maxPackedRefsBytes)
  const inPacked = packed.split('\n').map((line) => line.split(' ')[1] ?? '')
  const place = 'refs/deployhook'
  const entries = await readdir(join(mirror, place), { recursive: true, withFileTypes: true }).catch(() => [])
  const loose = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.lock'))
    .map((entry) => join(entry.parentPath, entry.name).slice(mirror.length + 1))
  return [...new Set([...inPacked.filter((name) => name.startsWith(`${place}/`)), ...loose])]
}

async function those(all: readonly string[], holds: (name: string) => Promise<boolean>): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of all) if (await holds(name)) found.push(name)
  return found
}

/** In milliseconds; one that is gone is of no age. */
async function timeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => Infinity,
  )
}

async function names(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => [])
}
