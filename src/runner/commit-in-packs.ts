import { open, readdir, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Revision } from '../model/revision.ts'

/**
 * Whether a pack of this git directory surely holds that commit, as a whole object (which those of a fetch mostly are).
 * https://git-scm.com/docs/gitformat-pack has the form of the index, which is version 2 since 2007.
 */
export async function hasCommitInPacks(gitDir: string, id: Revision): Promise<boolean> {
  const packs = join(gitDir, 'objects/pack')
  const names = (await readdir(packs)).filter((name) => name.endsWith('.idx'))
  const found = await Promise.all(names.map((name) => isIn(join(packs, name), Buffer.from(id, 'hex'))))
  return found.includes(true)
}

async function isIn(index: string, id: Buffer): Promise<boolean> {
  const found = await withFile(index, async (file) => {
    const offset = await offsetOf(file, id)
    return offset === null ? null : { offset, checksum: await endOf(file, { length: 20, before: 20 }) }
  })
  if (found?.checksum == null) return false
  const { offset, checksum } = found
  const isCommit = await withFile(index.replace(/idx$/, 'pack'), async (file) => {
    const [head, end] = [await bytesOf(file, { at: offset, length: 1 }), await endOf(file, { length: 20, before: 0 })]
    return end?.equals(checksum) === true && (((head?.[0] ?? 0) >> 4) & 7) === commitType
  })
  return isCommit === true
}

const commitType = 1

/** After 8 bytes of head: how many ids begin with at most each byte, the ids in order, 4 bytes of CRC and 4 of offset for each. */
async function offsetOf(file: FileHandle, id: Buffer): Promise<number | null> {
  const head = await bytesOf(file, { at: 0, length: 8 + 256 * 4 })
  if (head?.readUInt32BE(0) !== 0xff744f63 || head.readUInt32BE(4) !== 2) return null
  const countTo = (byte: number) => (byte < 0 ? 0 : head.readUInt32BE(8 + byte * 4))
  const [first, end, all] = [countTo((id[0] ?? 0) - 1), countTo(id[0] ?? 0), countTo(255)]
  const idsAt = head.length
  const ids = await bytesOf(file, { at: idsAt + first * id.length, length: (end - first) * id.length })
  const nth = Array.from({ length: end - first }, (_, at) => at).find(
    (at) => ids?.compare(id, 0, id.length, at * id.length, (at + 1) * id.length) === 0,
  )
  if (nth === undefined) return null
  const offset = await bytesOf(file, { at: idsAt + all * (id.length + 4) + (first + nth) * 4, length: 4 })
  const place = offset?.readUInt32BE(0) ?? inLargePack
  return place >= inLargePack ? null : place
}

/** From here on it is the number of an offset of 8 bytes, in packs of more than 2 GiB. */
const inLargePack = 2 ** 31

/** The last thing in a pack, and the last but one in its index, is the checksum of the pack: one that was cut off has another. */
async function endOf(
  file: FileHandle,
  { length, before }: { readonly length: number; readonly before: number },
): Promise<Buffer | null> {
  const { size } = await file.stat()
  return size < length + before ? null : bytesOf(file, { at: size - length - before, length })
}

/** null: there are not so many. */
async function bytesOf(
  file: FileHandle,
  { at, length }: { readonly at: number; readonly length: number },
): Promise<Buffer | null> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at)
  return bytesRead === length ? buffer : null
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T | null> {
  const file = await open(path).catch(() => null)
  if (file === null) return null
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}
