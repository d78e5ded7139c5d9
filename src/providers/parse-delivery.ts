import { askThread, ownBytes } from '../lib/thread.ts'
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

async function parseInThread(delivery: VerifiedDelivery, webhook: { readonly provider: string }): Promise<Read> {
  const body = ownBytes(delivery.body)
  const task: Task = { provider: webhook.provider, delivery: { ...delivery, body } }
  const answer = await askThread<Answer>('parse-thread', {
    ...{ from: import.meta.url, task, given: [body.buffer] },
    otherwise: () => ({ parsed: providerOf(webhook).parse(task.delivery), body }),
  })
  return { parsed: answer.parsed, delivery: { ...delivery, body: Buffer.from(answer.body.buffer) } }
}
