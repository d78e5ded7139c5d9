import { randomUUID } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { request, type ClientRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { githubPush } from '../../demo/github.ts'
import { Secret } from '../../src/lib/secret.ts'
import { providers } from '../../src/providers/index.ts'
import type { Signed } from '../../src/providers/provider.ts'
import { secret, type World } from '../support/open-world.ts'
import type { Answer } from '../support/daemon.ts'
import type { Pushed } from '../support/repository.ts'

/** What a fault may touch. */
export type Scene = {
  readonly world: World
  readonly newest: (repository: string) => Pushed
  /** A deployment of late; 0 before there is one. */
  readonly recent: (back: number) => number
  /** What was answered 202 must hold for ever; any other answer is a problem. */
  readonly acknowledge: (id: string, answer: { readonly status: number; readonly text: string }) => void
  /** Runs what works on one repository, or on deploy.yml, one after the other. */
  readonly inTurn: (what: string, work: () => Promise<void>) => Promise<void>
  /** Writes deploy.yml as it is at its `number`th version. */
  readonly configure: (number: number) => Promise<void>
}

export type Fault = keyof typeof faults

/** What goes wrong around the daemon, or is asked of it meanwhile. Each throws at an answer that it should not get. */
export const faults = {
  'wrong signature': async ({ world, newest }, { repository }) => {
    expect([401, 429], await world.deliver(newest(repository), { repository, secret: 'not-the-secret-of-anybody' }))
  },

  'same delivery twice at once': async ({ world, newest, acknowledge }, { repository }) => {
    const id = randomUUID()
    const push = { repository, id, message: id }
    const answers = await Promise.all([1, 2].map(() => world.deliver(newest(repository), push)))
    const [first, second] = answers.toSorted((one, other) => other.status - one.status)
    if (first === undefined || second === undefined) return
    acknowledge(id, first)
    expect([200], second)
  },

  'malformed body': async ({ world }) => {
    expect([400], await answerOf(send(world, signed('{"ref":'))))
  },

  'aborted request': async ({ world, newest }, { repository, dice }) => {
    const { headers, body } = pushOf(newest(repository), repository)
    const sending = send(
      world,
      { headers: withLength(headers, body), body: body.subarray(0, dice % body.length) },
      { ends: false },
    )
    await sleep(dice % 300)
    sending.destroy()
  },

  'half a head': async ({ world }, { dice }) => {
    const { hostname, port } = new URL(world.daemon.address)
    const socket = connect(Number(port), hostname).on('error', () => undefined)
    socket.write('POST /hooks/github HTTP/1.1\r\nHost: 127.0')
    await sleep(dice)
    socket.destroy()
  },

  'slow sender': async ({ world, newest, acknowledge }, { repository }) => {
    const { headers, body, id } = pushOf(newest(repository), repository)
    const sending = send(world, { headers: withLength(headers, body), body: Buffer.alloc(0) }, { ends: false })
    const answer = answerOf(sending)
    const part = Math.ceil(body.length / 10)
    for (let at = 0; at < body.length; at += part) {
      sending.write(body.subarray(at, at + part))
      await sleep(100)
    }
    sending.end()
    acknowledge(id, await answer)
  },

  'large body': async ({ world, newest, acknowledge }, { repository, dice }) => {
    const push = pushOf(newest(repository), repository, 'x'.repeat(4 * 1024 * dice))
    acknowledge(push.id, await answerOf(send(world, push)))
  },

  'too large a body': async ({ world }) => {
    const sending = send(world, { headers: { 'content-length': '999999999' }, body: Buffer.from('{') }, { ends: false })
    expect([413], await answerOf(sending))
    sending.destroy()
  },

  'follower that vanishes': async ({ world, recent }, { dice }) => {
    await look(world, `/api/deployments/${recent(dice % 4)}/log?follow`, { forMs: dice * 3, reads: dice % 2 === 0 })
  },

  'reader that vanishes': async ({ world, recent }, { dice }) => {
    await look(world, `/api/deployments/${recent(dice % 40)}/log`, { forMs: dice % 10, reads: false })
  },

  cancel: async ({ world, recent }, { dice }) => {
    expect([202, 404, 409], await post(world, `/api/deployments/${recent(dice % 6)}/cancel`))
  },

  retry: async ({ world, recent }, { dice }) => {
    expect([202, 404, 409], await post(world, `/api/deployments/${recent(dice % 50)}/retry`))
  },

  questions: async ({ world, recent }) => {
    const id = recent(1)
    for (const path of ['status', 'apps', 'deployments?limit=100', 'deliveries?limit=100', `explain?subject=${id}`])
      expect([200, 404], await world.daemon.api(`/api/${path}`))
    expect([200], await world.daemon.api('/metrics'))
  },

  reload: async ({ world, inTurn, configure }, { dice }) => {
    await inTurn('deploy.yml', async () => {
      await configure(dice)
      expect([200], await post(world, '/api/reload'))
    })
  },

  'remote away': async ({ world, newest, inTurn, acknowledge }, { repository, dice }) => {
    await inTurn(repository, async () => {
      const { bare } = world.repository(repository)
      await rename(bare, `${bare}.away`)
      const { id, ...push } = pushOf(newest(repository), repository)
      acknowledge(id, await answerOf(send(world, push)))
      await sleep(dice * 2)
      await rename(`${bare}.away`, bare)
    })
  },
} satisfies Record<string, Strike>

type Strike = (scene: Scene, chance: { readonly repository: string; readonly dice: number }) => Promise<void>

/** `dice` is from 0 to this. */
export const mostDice = 999

export function pushOf(pushed: Pushed, repository: string, message?: string): Signed & { readonly id: string } {
  const id = randomUUID()
  return { id, ...githubPush({ repository, deliveryId: id, ...pushed, message: message ?? id }, secret) }
}

function signed(body: string): Signed {
  const delivery = { event: 'push', id: randomUUID(), body: Buffer.from(body), at: new Date() }
  return providers.github.sign(delivery, { secret: new Secret(secret), options: {} })
}

function withLength(headers: Signed['headers'], body: Buffer): Signed['headers'] {
  return { ...headers, 'content-length': String(body.length) }
}

/** On a connection of its own. */
export function send(
  world: World,
  { headers, body }: Pick<Signed, 'headers' | 'body'>,
  { ends = true }: { readonly ends?: boolean } = {},
): ClientRequest {
  const sending = request(`${world.daemon.address}/hooks/github`, {
    method: 'POST',
    agent: false,
    headers: { 'content-length': String(body.length), ...headers },
  })
  sending.on('error', () => undefined) // whoever waits for its answer is told by that
  if (body.length > 0) sending.write(body)
  return ends ? sending.end() : sending
}

export async function answerOf(sending: ClientRequest): Promise<Pick<Answer, 'status' | 'text'>> {
  return new Promise((resolve, reject) => {
    sending.on('error', reject).on('response', (answer) => {
      text(answer).then((all) => {
        resolve({ status: answer.statusCode ?? 0, text: all })
      }, reject)
    })
  })
}

/** Asks over the control socket and leaves in the middle of the answer, having read of it or not. */
async function look(world: World, path: string, { forMs, reads }: { forMs: number; reads: boolean }): Promise<void> {
  const asking = request({ socketPath: world.path('control.sock'), path, agent: false, headers: { host: 'localhost' } })
  asking
    .on('error', () => undefined)
    .on('response', (answer) => {
      answer.on('error', () => undefined)
      if (reads) answer.resume()
    })
  asking.end()
  await sleep(forMs)
  asking.destroy()
}

function post(world: World, path: string): Promise<Answer> {
  return world.daemon.api(path, { method: 'POST', body: {} })
}

export function expect(statuses: readonly number[], { status, text: told }: Pick<Answer, 'status' | 'text'>): void {
  if (!statuses.includes(status)) throw new Error(`answered ${status}: ${told.slice(0, 200)}`)
}
