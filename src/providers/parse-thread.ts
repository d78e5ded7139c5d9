import { parentPort, workerData } from 'node:worker_threads'
import { providerOf } from './index.ts'
import type { Answer, Task } from './parse-delivery.ts'

// The thread of `parse-delivery.ts`: one delivery, one answer, and it ends.
const { provider, delivery } = workerData as Task
// A Buffer arrives as the plain array of bytes that it is below.
const body = Buffer.from(delivery.body.buffer) as Buffer<ArrayBuffer>
const answer: Answer = { parsed: providerOf({ provider }).parse({ ...delivery, body }), body }
parentPort?.postMessage(answer, [body.buffer])
