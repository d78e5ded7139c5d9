import { once } from 'node:events'
import { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Encoded, EventStream, SentEvent } from '../../src/http/event-stream.ts'
import { follow as sendFollowed } from '../../src/http/follow.ts'
import type { Deployment } from '../../src/model/deployment.ts'
import type { Owner, Store } from '../../src/store/store.ts'
import { until } from '../support/until.ts'
import { dial, openDoor, tokens, type Door } from './door.ts'

type Event = { readonly event: string; readonly id: number | null; readonly data: Readonly<Record<string, unknown>> }

async function queue({ store }: Door): Promise<number> {
  const { id } = await store.enqueue({
    app: 'blog',
    trigger: 'manual',
    ref: 'refs/heads/main',
    requestedRevision: null,
    adopt: false,
    at: new Date(),
  })
  return id
}

async function claim({ store }: Door): Promise<Owner> {
  const claimed = await store.claim({
    resolve: () => ({ concurrencyGroup: 'g', realPath: '/p', fingerprint: 'f', approve: false, windows: [] }),
    maxRunning: 1,
    at: new Date(),
  })
  if (claimed === null) throw new Error('nothing to claim')
  return claimed.owner
}

/** A deployment that is running its first step. */
async function run(door: Door): Promise<Owner> {
  await queue(door)
  const owner = await claim(door)
  await door.store.startStep(owner, { number: 1, phase: 'build', name: 'npm ci', at: new Date() })
  return owner
}

/** The signals by which followed logs are let go. */
function followSignals(): { readonly wrapStore: (store: Store) => Store; readonly signals: readonly AbortSignal[] } {
  const signals: AbortSignal[] = []
  return {
    signals,
    wrapStore: (store) => ({
      ...store,
      followLog: (id, offset, signal) => {
        signals.push(signal)
        return store.followLog(id, offset, signal)
      },
    }),
  }
}

const succeeded = { outcome: 'succeeded', reason: null, message: null } as const

/** A deployment that is done and whose log has `lines` lines of about `length` bytes. */
async function logged(door: Door, { lines, length = 20 }: { lines: number; length?: number }): Promise<number> {
  const owner = await run(door)
  const log = await door.store.openLog(owner.id, [])
  for (let number = 0; number < lines; number++) await log.output(1, Buffer.from(`${number} ${'x'.repeat(length)}\n`))
  await log.endStep(1)
  await log.close()
  await door.store.finish(owner, succeeded, new Date())
  return owner.id
}

/** Events as they come, until the stream ends. */
async function* follow(door: Door, id: number, lastEventId?: number): AsyncGenerator<Event> {
  const dispatcher = new Agent()
  onTestFinished(() => dispatcher.destroy())
  const { body, statusCode, headers } = await request(`${door.address}/api/deployments/${id}/log?follow`, {
    dispatcher,
    headers: {
      authorization: `Bearer ${tokens.read}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
    },
  })
  expect({ statusCode, type: headers['content-type'], buffering: headers['x-accel-buffering'] }).toEqual({
    statusCode: 200,
    type: 'text/event-stream; charset=utf-8',
    buffering: 'no',
  })
  let rest = ''
  body.setEncoding('utf8')
  for await (const chunk of body) {
    const blocks = (rest + String(chunk)).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const field = (name: string): string | undefined => new RegExp(`(?:^|\n)${name}: ([^\n]*)`).exec(block)?.[1]
      const data = field('data')
      if (data === undefined) continue
      yield {
        event: field('event') ?? '',
        id: field('id') === undefined ? null : Number(field('id')),
        data: JSON.parse(data) as Event['data'],
      }
    }
  }
}

async function all(events: AsyncGenerator<Event>): Promise<readonly Event[]> {
  const found: Event[] = []
  for await (const event of events) found.push(event)
  return found
}

const texts = (events: readonly Event[]): readonly unknown[] =>
  events.filter(({ event }) => event === 'line').map(({ data }) => data['text'])

const stateOf = ({ data }: Event): Deployment => data['deployment'] as Deployment

describe('GET /api/deployments/<id>/log', () => {
  it('is the file as text', async () => {
    const door = await openDoor()
    const id = await logged(door, { lines: 3 })
    const { headers, text } = await door.api(`/api/deployments/${id}/log`)
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(text.split('\n').map((line) => line.split(' ').slice(1).join(' '))).toEqual([
      ...[0, 1, 2].map((number) => `1 ${number} ${'x'.repeat(20)}`),
      '',
    ])
  })

  it('is empty for one that never wrote a line', async () => {
    const door = await openDoor()
    expect(await door.api(`/api/deployments/${await queue(door)}/log`)).toMatchObject({ status: 200, text: '' })
  })

  it.each(['?follow=no', '?follow=0', '?follow&x=1', '?follow&follow', '?offset=3'])('refuses %s', async (query) => {
    const door = await openDoor()
    expect((await door.api(`/api/deployments/${await queue(door)}/log${query}`)).status).toBe(400)
  })
})

describe('following a log', () => {
  it('shows what happens as it happens, from queued to its end', async () => {
    const door = await openDoor()
    const id = await queue(door)
    const events = follow(door, id)
    const next = async (): Promise<Event> => {
      const result = await events.next()
      if (result.done === true) throw new Error('the stream ended early')
      return result.value
    }
    expect(stateOf(await next())).toMatchObject({ id, state: 'queued', waitingFor: null })

    const owner = await claim(door)
    expect(stateOf(await next())).toMatchObject({ state: 'running', waitingFor: null, attempts: 1 })

    const log = await door.store.openLog(id, [])
    await log.note('fetching')
    expect(await next()).toMatchObject({ event: 'line', data: { step: null, stream: 'deployhook', text: 'fetching' } })

    await door.store.startStep(owner, { number: 1, phase: 'build', name: 'npm ci', at: new Date() })
    expect(stateOf(await next())).toMatchObject({ steps: [{ name: 'npm ci', finishedAt: null }] })

    await log.output(1, Buffer.from('added 3 packages\nand a half'))
    expect(await next()).toEqual({
      event: 'line',
      id: expect.any(Number) as number,
      data: {
        at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        step: 'npm ci',
        stream: 'output',
        text: 'added 3 packages',
      },
    })
    await log.endStep(1)
    await log.close()
    await door.store.finish(owner, succeeded, new Date())
    const rest = await all(events)
    expect(texts(rest)).toEqual(['and a half'])
    expect(
      rest
        .filter(({ event }) => event === 'state')
        .map(stateOf)
        .at(-1),
    ).toMatchObject({ state: 'done', outcome: 'succeeded' })
    expect(rest.at(-1)).toEqual({ event: 'end', id: null, data: {} })
  })

  it('of one that is done gives its state, every line and the end', async () => {
    const door = await openDoor()
    const events = await all(follow(door, await logged(door, { lines: 3 })))
    expect(events.map(({ event }) => event)).toEqual(['state', 'line', 'line', 'line', 'end'])
  })

  it('gives the final state before the end, also when its change was not heard of', async () => {
    const door = await openDoor({
      wrapStore: (store) => ({
        ...store,
        async *changes(signal) {
          await once(signal, 'abort')
          yield* [] as Deployment[]
        },
      }),
    })
    const id = await queue(door)
    const events = follow(door, id)
    await events.next()
    await door.store.cancel(id, new Date())
    const rest = await all(events)
    expect(rest.map(({ event }) => event)).toEqual(['state', 'end'])
    expect(rest.map(stateOf)[0]).toMatchObject({ state: 'done', outcome: 'cancelled' })
  })

  it('of one that was cancelled before it began ends too', async () => {
    const door = await openDoor()
    const id = await queue(door)
    const events = follow(door, id)
    await events.next()
    await door.store.cancel(id, new Date())
    const rest = await all(events)
    expect(rest.map(({ event }) => event)).toEqual(['state', 'end'])
  })

  it('goes on after the last event that was seen, without a gap or a repeat', async () => {
    const door = await openDoor()
    const id = await logged(door, { lines: 50 })
    const events = await all(follow(door, id))
    const whole = texts(events)
    const lines = events.filter(({ event }) => event === 'line')
    for (const seen of [1, 17, 49, 50]) {
      expect(texts(await all(follow(door, id, lines[seen - 1]?.id ?? 0)))).toEqual(whole.slice(seen))
    }
    expect(texts(await all(follow(door, id, 999_999_999)))).toEqual([])
  })

  it.each(['-1', 'x', '1e3', '9'.repeat(20), '1, 2'])('refuses to go on after "%s"', async (lastEventId) => {
    const door = await openDoor()
    const id = await logged(door, { lines: 1 })
    expect(
      (await door.api(`/api/deployments/${id}/log?follow`, { headers: { 'last-event-id': lastEventId } })).status,
    ).toBe(400)
  })

  it('keeps a line one event whatever is in it', async () => {
    const door = await openDoor()
    const owner = await run(door)
    const log = await door.store.openLog(owner.id, [])
    const hostile = 'a\rb data: {} \u2028 event: end'
    await log.output(1, Buffer.from(`${hostile}\n`))
    await log.output(1, Buffer.from([0xff, 0x0a]))
    await log.endStep(1)
    await log.close()
    await door.store.finish(owner, succeeded, new Date())
    expect(texts(await all(follow(door, owner.id)))).toEqual([hostile, '\ufffd'])
  })

  it('serves 200 readers at once, every line to each', async () => {
    const door = await openDoor()
    const owner = await run(door)
    const log = await door.store.openLog(owner.id, [])
    const followers = Array.from({ length: 200 }, () => follow(door, owner.id))
    await Promise.all(followers.map((events) => events.next()))
    for (let number = 0; number < 20; number++) await log.output(1, Buffer.from(`${number}\n`))
    await log.endStep(1)
    await log.close()
    await door.store.finish(owner, succeeded, new Date())
    const expected = Array.from({ length: 20 }, (_, number) => String(number))
    for (const events of await Promise.all(followers.map(all))) expect(texts(events)).toEqual(expected)
  })

  it('makes the event of a line once, however many are sent it', async () => {
    const door = await openDoor()
    const id = await logged(door, { lines: 50 })
    const deployment = (await door.store.deployment(id)) ?? never()
    const readers = Array.from({ length: 20 }, () => [] as Encoded[])
    await Promise.all(
      readers.map((taken) => sendFollowed({ deployment, offset: 0 }, streamTo(taken), { store: door.store, present })),
    )

    const [first = [], ...others] = readers
    expect(first).toHaveLength(50)
    for (const taken of others) expect(taken.every((event, at) => event === first[at])).toBe(true)
  })

  it('asks again for the name of a step that could not be looked up for another reader', async () => {
    const door = await openDoor()
    const deployment = (await door.store.deployment(await logged(door, { lines: 1 }))) ?? never()
    const line = { at: '2026-01-02T03:04:05.678Z', step: 2, text: 'x', next: 30 }
    let looked = 0
    const store: Store = {
      ...door.store,
      // eslint-disable-next-line @typescript-eslint/require-await -- as the store has it
      async *followLog() {
        yield line
      },
      deployment: () => (++looked === 2 ? Promise.reject(new Error('busy')) : Promise.resolve(deployment)),
    }
    const send = (taken: Encoded[]) => sendFollowed({ deployment, offset: 0 }, streamTo(taken), { store, present })

    await expect(send([])).rejects.toThrow('busy')
    const taken: Encoded[] = []
    await send(taken)
    expect(String(taken[0])).toContain('"text":"x"')
  })

  it('waits for a slow reader instead of piling up, and forgets no line', async () => {
    let taken = 0
    const door = await openDoor({
      wrapStore: (store) => ({
        ...store,
        async *followLog(...from) {
          for await (const line of store.followLog(...from)) {
            taken += 1
            yield line
          }
        },
      }),
    })
    const id = await logged(door, { lines: 1_800, length: 8_000 })
    const line = await dial(door)
    line.socket.pause()
    line.say(
      `GET /api/deployments/${id}/log?follow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens.read}\r\nConnection: close\r\n\r\n`,
    )
    let before = -1
    await until('the sender to have stopped', async () => {
      const stands = taken > 0 && taken === before
      before = taken
      await door.api('/healthz')
      return stands
    })
    expect(taken).toBeLessThan(1_500)
    line.socket.resume()
    const heard = await line.ended()
    expect(heard.match(/event: line/g)).toHaveLength(1_800)
    expect(heard).toContain('event: end')
  })

  it('cuts a reader that reads nothing any more', async () => {
    const { wrapStore, signals } = followSignals()
    const door = await openDoor({ limits: { silenceMs: 500, heartbeatMs: 100 }, wrapStore })
    const id = await logged(door, { lines: 1_800, length: 8_000 })
    const line = await dial(door)
    line.socket.pause()
    line.say(
      `GET /api/deployments/${id}/log?follow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens.read}\r\nConnection: close\r\n\r\n`,
    )
    await until('the log to be let go', () => signals[0]?.aborted)
    line.socket.resume()
    expect(await line.ended()).not.toContain('event: end')
  })

  it('lets go of a reader that leaves untaken what waits for it, without an end, and goes on where it stopped', async () => {
    const { wrapStore, signals } = followSignals()
    const door = await openDoor({ limits: { followerMs: 300, heartbeatMs: 20 }, wrapStore })
    const id = await logged(door, { lines: 1_800, length: 8_000 })
    const line = await dial(door)
    line.socket.pause()
    line.say(
      `GET /api/deployments/${id}/log?follow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens.read}\r\nConnection: close\r\n\r\n`,
    )
    await until('the log to be let go', () => signals[0]?.aborted)
    line.socket.resume()
    const heard = await line.ended()
    expect(heard).not.toContain('event: end')

    const whole = heard.slice(0, heard.lastIndexOf('\n\n'))
    const numbers = [...whole.matchAll(/"text":"(\d+) /g)].map(([, number]) => Number(number))
    const [, lastId] = /.*^id: (\d+)$/ms.exec(whole) ?? []
    const rest = await all(follow(door, id, Number(lastId)))
    const seen = [...numbers, ...texts(rest).map((text) => Number(String(text).split(' ')[0]))]
    expect(seen).toEqual(Array.from({ length: 1_800 }, (_, number) => number))
    expect(rest.at(-1)?.event).toBe('end')
  })

  it('goes on for longer than that when its reader does read', async () => {
    const door = await openDoor({ limits: { silenceMs: 300, heartbeatMs: 50 } })
    const id = await queue(door)
    const line = await dial(door)
    line.say(
      `GET /api/deployments/${id}/log?follow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens.read}\r\n\r\n`,
    )
    await line.until(/(?:: alive[^:]*){12}/)
    await door.store.cancel(id, new Date())
    await line.until(/event: end/)
  })

  it('lets go of everything when the reader is gone', async () => {
    const { wrapStore, signals } = followSignals()
    const door = await openDoor({ wrapStore })
    const id = await queue(door)
    const line = await dial(door)
    line.say(
      `GET /api/deployments/${id}/log?follow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens.read}\r\n\r\n`,
    )
    await line.until(/event: state/)
    await until('the log to be followed', () => signals[0])
    expect(signals[0]?.aborted).toBe(false)
    line.socket.destroy()
    await until('the log to be let go', () => signals[0]?.aborted)
  })

  it('shows signs of life while nothing happens', async () => {
    const door = await openDoor({ limits: { heartbeatMs: 20 } })
    const id = await queue(door)
    const line = await dial(door)
    line.say(
      `GET /api/deployments/${id}/log?follow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens.read}\r\n\r\n`,
    )
    await line.until(/: alive\n\n[^]*: alive\n\n/)
  })

  it('breaks off without an end when the daemon ends, so that the reader comes back', async () => {
    const door = await openDoor()
    const events = follow(door, await queue(door))
    await events.next()
    await door.close()
    expect((await all(events)).map(({ event }) => event)).toEqual([])
  })

  it('ends, and the log of the daemon says why, when the store breaks', async () => {
    const door = await openDoor({
      wrapStore: (store) => ({
        ...store,
        followLog: () => {
          throw new Error('the file is gone')
        },
      }),
    })
    const events = await all(follow(door, await queue(door)))
    expect(events.map(({ event }) => event)).toEqual(['state'])
    expect(door.logged).toContainEqual(expect.objectContaining({ level: 'error', message: 'following a log failed' }))
  })
})

const present = { one: () => Promise.resolve({} as never), all: () => Promise.resolve([]) }

/** A reader that keeps what is made once for all. */
function streamTo(taken: Encoded[]): EventStream {
  const over = new AbortController()
  return {
    ...{ body: Readable.from([]), signal: over.signal },
    end: () => {
      over.abort()
    },
    send: (event: SentEvent | Encoded) => {
      if (Buffer.isBuffer(event)) taken.push(event)
      return Promise.resolve()
    },
  }
}

function never(): never {
  throw new Error('the deployment is gone')
}
