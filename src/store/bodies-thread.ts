import { answerTask, threadTask } from '../lib/thread.ts'
import { prepareNow, type Task } from './bodies.ts'

// The other side of bodies.ts.
const { body, keep } = (await threadTask()) as Task
answerTask(prepareNow(Buffer.from(body.buffer), keep))
