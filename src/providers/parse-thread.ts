import { answerTask, threadTask } from '../lib/thread.ts'
import { providerOf } from './index.ts'
import type { Answer, Task } from './parse-delivery.ts'

// The other side of parse-delivery.ts.
const { provider, delivery } = (await threadTask()) as Task
const body = Buffer.from(delivery.body.buffer) as Buffer<ArrayBuffer>
const answer: Answer = { parsed: providerOf({ provider }).parse({ ...delivery, body }), body }
answerTask(answer, [body.buffer])
