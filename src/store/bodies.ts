import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, deflateRawSync, inflateRaw, type ZlibOptions } from 'node:zlib'
import { askThread, ownBytes } from '../lib/thread.ts'
import { integer, type Sql } from './sql.ts'

/** A body as it is kept: raw deflate at its fastest level (zstd is still experimental in Node 24). */
export type Packed = Buffer

/** What is made of a body before its transaction begins. */
export type Prepared = {
  /** SHA-256 of what came. */
  readonly bodyHash: Buffer
  /** null: it is not kept. */
  readonly packed: Packed | null
}

export type Keep = {
  readonly keepsBody: boolean
  /** The secret that proved it, where it may stand in it. */
  readonly secret: string | null
  /** The keys in it whose values are not kept. */
  readonly proofsInBody: readonly string[]
}

/** Small ones at once; a large one in another thread, which takes its memory: nobody reads it any more. */
export async function prepareBody(body: Buffer, keep: Keep): Promise<Prepared> {
  if (body.length <= smallBytes) return prepareNow(body, keep)
  const own = ownBytes(body)
  const task: Task = { body: own, keep }
  const told = await askThread<Told>('bodies-thread', {
    ...{ from: import.meta.url, task, given: [own.buffer] },
    otherwise: () => prepareNow(own, keep),
  })
  return { bodyHash: Buffer.from(told.bodyHash), packed: told.packed && Buffer.from(told.packed) }
}

/** What the thread is given, and what it answers: bytes arrive as plain arrays. */
export type Task = { readonly body: Uint8Array<ArrayBuffer>; readonly keep: Keep }
type Told = { readonly bodyHash: Uint8Array; readonly packed: Uint8Array | null }

export function prepareNow(body: Buffer, { keepsBody, secret, proofsInBody }: Keep): Prepared {
  const bodyHash = hash('sha256', body, 'buffer')
  if (!keepsBody) return { bodyHash, packed: null }
  const safe = withoutProofs(withoutSecret(body, secret), proofsInBody)
  return { bodyHash, packed: deflateRawSync(safe, packing(safe.length)) }
}

/** A small one needs not the 256 KiB of memory that zlib takes each time, which cost nearly as much as the packing. */
function packing(length: number): ZlibOptions {
  const level = constants.Z_BEST_SPEED
  return length > 16 * 1024 ? { level } : { level, windowBits: 13, memLevel: 6 }
}

export function unpackBody(packed: Packed): Promise<Buffer> {
  return promisify(inflateRaw)(packed)
}

const smallBytes = 512 * 1024

/** Some hosts repeat the webhook's secret in the body (Gitee: `password`); it is not for keeping. */
function withoutSecret(body: Buffer, secret: string | null): Buffer {
  const text = Buffer.from(secret ?? '')
  if (text.length === 0 || !body.includes(text)) return body
  return Buffer.from(body.toString('latin1').replaceAll(text.toString('latin1'), '[secret]'), 'latin1')
}

/** Found by its key wherever that stands. Lengths are bounded, for a body of 25 MiB may be one such value. */
function withoutProofs(body: Buffer, keys: readonly string[]): Buffer {
  if (keys.length === 0) return body
  const proof = new RegExp(`("(?:${keys.join('|')})"\\s{0,9}:\\s{0,9}")(?:[^"\\\\]|\\\\.){0,1024}`, 'g')
  return Buffer.from(body.toString('latin1').replace(proof, '$1[secret]'), 'latin1')
}

export function insertBody(sql: Sql, delivery: number, body: Packed): void {
  sql.run('insert into bodies (delivery, size, body) values (:delivery, :size, :body)', {
    delivery,
    size: body.length,
    body,
  })
}

export function bodyOf(sql: Sql, delivery: number): Packed | null {
  const body = sql.first('select body from bodies where delivery = :delivery', { delivery })?.['body']
  return body instanceof Uint8Array ? Buffer.from(body) : null
}

export type BodyBounds = { readonly bodiesBefore: Date; readonly maxBodyBytes: number }

/** Forgets the oldest bodies while they are too old or all of them too large, a batch at a time. Answers how many. */
export function pruneBodies(sql: Sql, { bodiesBefore, maxBodyBytes }: BodyBounds): number {
  const total = integer(sql.first('select coalesce(sum(size), 0) as total from bodies') ?? {}, 'total')
  const oldest = sql.all(
    `select delivery, size, received_at < :before as is_old from bodies join deliveries on id = delivery
     order by delivery limit :batch`,
    { before: bodiesBefore.toISOString(), batch: batchRows },
  )
  let forgotten = 0
  let bytes = 0
  for (const row of oldest) {
    const isTooMuch = total - bytes > maxBodyBytes
    if (bytes >= batchBytes || (row['is_old'] === 0 && !isTooMuch)) break
    sql.run('delete from bodies where delivery = :delivery', { delivery: integer(row, 'delivery') })
    bytes += integer(row, 'size')
    forgotten++
  }
  return forgotten
}

/** What one transaction forgets: few enough milliseconds that a push which arrives meanwhile does not notice. */
export const batchRows = 50
const batchBytes = 4 * 1024 * 1024
