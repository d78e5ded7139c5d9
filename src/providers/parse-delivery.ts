import { once } from 'node:events'
import { extname } from 'node:path/posix'
import { Worker } from 'node:worker_threads'
import type { VerifiedDelivery } from '../model/delivery.ts'
import { providerOf } from './index.ts'
import type { Parsed } from './provider.ts'

export type Read = {
  readonly parsed: Parsed
  /** The one to go on with: the body of a large one has been handed to another thread and back. */
  readonly delivery: VerifiedDelivery
}

/**
 * What a verified delivery says. JSON of 25 MB takes half a second, in which nobody else would be answered: a large body
 * is read by a thread of its own.
 */
export async function parseDelivery(delivery: VerifiedDelivery, webhook: { readonly provider: string }): Promise<Read> {
  if (delivery.body.length > largeBytes) return parseInThread(delivery, webhook)
  return { parsed: providerOf(webhook).parse(delivery), delivery }
}

/** What is smaller is read in less time than a thread takes to start. */
const largeBytes = 512 * 1024

/** What goes to the thread, and what it gives back. The body is handed over, not copied. */
export type Task = { readonly provider: string; readonly delivery: VerifiedDelivery }
export type Answer = { readonly parsed: Parsed; readonly body: Uint8Array<ArrayBuffer> }

async function parseInThread(delivery: VerifiedDelivery, { provider }: { readonly provider: string }): Promise<Read> {
  const body = ownBytes(delivery.body)
  const task: Task = { provider, delivery: { ...delivery, body } }
  const thread = new Worker(new URL(`./parse-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: task,
    transferList: [body.buffer],
  })
  const [answer] = (await once(thread, 'message')) as [Answer]
  return { parsed: answer.parsed, delivery: { ...delivery, body: Buffer.from(answer.body.buffer) } }
}

/** Bytes that share their memory with no others, so that they can be handed over. */
function ownBytes(bytes: Buffer): Buffer<ArrayBuffer> {
  const { buffer } = bytes
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length
    ? Buffer.from(buffer)
    : Buffer.from(Uint8Array.from(bytes).buffer)
}
