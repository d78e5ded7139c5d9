import { once } from 'node:events'
import { parentPort, Worker, workerData, type MessagePort } from 'node:worker_threads'

/**
 * Runs `<name>.ts`, beside the module `from`, as a thread of its own with this task, and resolves with its answer; rejects
 * with what it threw. What is `given` is handed over, not copied: nobody else may use it from here on.
 */
export async function askThread<Answer>(
  name: string,
  {
    from,
    task,
    given = [],
  }: { readonly from: string; readonly task: unknown; readonly given?: readonly (ArrayBuffer | MessagePort)[] },
): Promise<Answer> {
  const extension = from.endsWith('.ts') ? 'ts' : 'js'
  const file = new URL(`./${name}.${extension}`, from)
  const thread = new Worker(file, { workerData: task, transferList: [...given] })
  const answered = once(thread, 'message') as Promise<[Answer]>
  const failed = Promise.race(['exit', 'messageerror'].map((event) => once(thread, event))).then(() => {
    throw new Error(`the thread ${name} ended without an answer`)
  })
  const [answer] = await Promise.race([answered, failed])
  return answer
}

/** The thread's side: its task. */
export function threadTask(): unknown {
  return workerData
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
