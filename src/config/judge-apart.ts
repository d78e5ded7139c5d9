import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { Secret } from '../lib/secret.ts'
import { askThread } from '../lib/thread.ts'
import type { JudgeOptions, Part, Refused, Sound, Verdict } from './judge.ts'
import type { SecretSource } from './schema-parts.ts'

/** What can be told to another thread. */
export type ApartOptions = Pick<JudgeOptions, 'env' | 'uid' | 'stateDirectory'>

/** What the thread is given. The apps of a sound file go through `apps`, before the answer, in parts. */
export type Task = { readonly file: string; readonly options: ApartOptions; readonly apps: MessagePort }

/** What the thread answers: a secret would arrive without what makes it one. */
export type Told =
  Refused | (Omit<Sound, 'secrets' | 'more'> & { readonly secrets: ToldSecrets; readonly parts: number })
export type ToldPart = { readonly apps: Part['apps']; readonly secrets: ToldSecrets }
type ToldSecrets = ReadonlyMap<SecretSource, string>

/**
 * Like `judgeDeployFile`, in a thread of its own: a file of thousands of apps takes a second, and memory that goes with
 * the thread. Its apps are taken from the thread bit by bit, for even that would hold others up.
 */
export async function judgeApart(file: string, options: ApartOptions): Promise<Verdict> {
  const { port1: port, port2: apps } = new MessageChannel()
  const task: Task = { file, options: { ...options, env: { ...options.env } }, apps }
  const told = await askThread<Told>('judge-thread', { from: import.meta.url, task, given: [apps] })
  if (told.kind === 'refused') {
    port.close()
    return told
  }
  return { ...told, secrets: secretsOf(told.secrets), more: take(port, told.parts) }
}

function* take(port: MessagePort, parts: number): Generator<Part, void, undefined> {
  try {
    for (let taken = 0; taken < parts; taken++) {
      const part = receiveMessageOnPort(port) as { readonly message: ToldPart } | undefined
      if (part === undefined) throw new Error(`only ${taken} of ${parts} parts of the deploy map have arrived`)
      yield { apps: part.message.apps, secrets: secretsOf(part.message.secrets) }
    }
  } finally {
    port.close()
  }
}

/** The sources are the same objects in the map and here, on both sides of one message. */
function secretsOf(told: ToldSecrets): Part['secrets'] {
  return new Map(Array.from(told, ([source, text]) => [source, new Secret(text)]))
}
