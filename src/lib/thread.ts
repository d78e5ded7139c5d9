import { once } from 'node:events'
import { parentPort, Worker, type MessagePort } from 'node:worker_threads'

/**
 * Runs `<name>.ts`, beside the module `from`, as a thread of its own with this task, and resolves with its answer; rejects
 * with what it threw. What is `given` is handed over, not copied: nobody else may use it from here on. A thread that
 * cannot begin, for the machine may be short of threads, files or memory, was given nothing yet: `otherwise` answers then.
 */
export async function askThread<Answer>(
  name: string,
  { from, task, given = [], otherwise }: Asked<Answer>,
): Promise<Answer> {
  const extension = from.endsWith('.ts') ? 'ts' : 'js'
  const file = new URL(`./${name}.${extension}`, from)
  let begun: Begun
  try {
    begun = await begin(name, file)
  } catch (error) {
    if (otherwise === undefined) throw error
    return otherwise()
  }
  const { thread, failed } = begun
  const answered = once(thread, 'message') as Promise<[Answer]>
  thread.postMessage(task, [...given])
  const [answer] = await Promise.race([answered, failed])
  return answer
}

type Asked<Answer> = {
  readonly from: string
  readonly task: unknown
  readonly given?: readonly (ArrayBuffer | MessagePort)[]
  readonly otherwise?: () => Answer
}

type Begun = { readonly thread: Worker; readonly failed: Promise<never> }

/** Resolves when the thread has loaded what it needs and waits for its task. */
async function begin(name: string, file: URL): Promise<Begun> {
  const thread = new Worker(file)
  const failed = Promise.race(['exit', 'messageerror'].map((event) => once(thread, event))).then(() => {
    throw new Error(`the thread ${name} ended without an answer`)
  })
  await Promise.race([once(thread, 'message'), failed])
  return { thread, failed }
}

/** The thread's side: says that it has begun, and resolves with its task. */
export async function threadTask(): Promise<unknown> {
  if (parentPort === null) throw new Error('not a thread')
  const given = once(parentPort, 'message')
  parentPort.postMessage('begun')
  const [task] = (await given) as [unknown]
  return task
}

/** The thread's side: answers, and ends. */
export function answerTask(answer: unknown, given: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(answer, [...given])
}

/** The bytes in memory that they share with no others, so that it can be given away. They arrive as a plain array. */
export function ownBytes(bytes: Buffer): Buffer<ArrayBuffer> {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length) return Buffer.from(buffer)
  return Buffer.from(Uint8Array.from(bytes).buffer)
}
