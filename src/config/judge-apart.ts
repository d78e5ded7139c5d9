import { Secret } from '../lib/secret.ts'
import { askThread } from '../lib/thread.ts'
import type { JudgeOptions, Refused, Sound, Verdict } from './judge.ts'
import type { SecretSource } from './schema-parts.ts'

/** What can be told to another thread. */
export type ApartOptions = Pick<JudgeOptions, 'env' | 'uid' | 'stateDirectory'>

/** What the thread is given, and what it answers: a secret would arrive without what makes it one. */
export type Task = { readonly file: string; readonly options: ApartOptions }
export type Told = Refused | (Omit<Sound, 'secrets'> & { readonly secrets: ReadonlyMap<SecretSource, string> })

/**
 * Like `judgeDeployFile`, in a thread of its own: a file of thousands of apps takes a second, and memory that goes with
 * the thread.
 */
export async function judgeApart(file: string, options: ApartOptions): Promise<Verdict> {
  const task: Task = { file, options: { ...options, env: { ...options.env } } }
  const told = await askThread<Told>('judge-thread', { from: import.meta.url, task })
  if (told.kind === 'refused') return told
  // The sources are the same objects in `written` and here, on both sides of the message.
  return { ...told, secrets: new Map(Array.from(told.secrets, ([source, text]) => [source, new Secret(text)])) }
}
