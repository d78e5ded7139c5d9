import type { Deployment, StepRecord } from '../model/deployment.ts'
import type { LogLine } from '../store/store.ts'
import { encoded, type Encoded, type EventStream } from './event-stream.ts'
import type { RouteDeps } from './route.ts'

/**
 * Sends a deployment as it goes: its state now and whenever it changes, its log from byte `offset`, and after the last
 * line its final state and `end`. States that a slow reader did not get to see in time are left out, lines never.
 */
export async function follow(
  from: { readonly deployment: Deployment; readonly offset: number },
  stream: EventStream,
  { store, present }: Pick<RouteDeps, 'store' | 'present'>,
): Promise<void> {
  const { id } = from.deployment
  let newest = from.deployment
  let sent: Deployment | null = null
  let sending: Promise<void> | null = null

  await Promise.all([watchStates(), sendAll()])

  async function sendAll(): Promise<void> {
    // What changed between the caller's reading and the watch beginning.
    newest = (await store.deployment(id)) ?? newest
    await announce()
    for await (const line of store.followLog(id, from.offset, stream.signal)) {
      await stream.send(await eventOf(line))
    }
    newest = (await store.deployment(id)) ?? newest
    await announce()
    await stream.send({ event: 'end', data: {} })
    stream.end()
  }

  async function watchStates(): Promise<void> {
    for await (const deployment of store.changes(stream.signal)) {
      if (deployment.id !== id) continue
      newest = deployment
      void announce().catch(() => undefined) // the reader is gone: the loop over the lines ends by it
    }
  }

  /** One at a time, and always the newest. */
  function announce(): Promise<void> {
    sending ??= send().finally(() => {
      sending = null
    })
    return sending
  }

  async function send(): Promise<void> {
    while (sent === null || !isSame(sent, newest)) {
      const state = newest
      await stream.send({ event: 'state', data: { deployment: await present.one(state) } })
      sent = state
    }
  }

  /** One for all who follow: the store gives them the same lines, at about the same time. */
  function eventOf(line: LogLine): Promise<Encoded> {
    const known = events.get(line)
    if (known !== undefined) return known
    const event = lineOf(line).then((data) => encoded({ event: 'line', id: line.next, data }))
    events.set(line, event)
    event.catch(() => events.delete(line))
    return event
  }

  async function lineOf({ at, step, text }: LogLine): Promise<object> {
    if (step === null) return { at, step: null, stream: 'deployhook', text }
    let name = nameOf(step, newest.steps)
    if (name === null) {
      newest = (await store.deployment(id)) ?? newest
      name = nameOf(step, newest.steps)
    }
    return { at, step: name, stream: 'output', text }
  }
}

const events = new WeakMap<LogLine, Promise<Encoded>>()

/** Of the newest attempt that has a step of this number. */
function nameOf(number: number, steps: readonly StepRecord[]): string | null {
  return steps.findLast((step) => step.number === number)?.name ?? null
}

function isSame(one: Deployment, other: Deployment): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}
