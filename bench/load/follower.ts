import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'

/** What one reader of a followed log has seen; it throws at the first line that is missing or comes twice. */
export type Follower = {
  /** Lines so far. */
  readonly lines: () => number
  /** Reads no further, as one that hangs does. */
  pause(): void
  /** Reads what is left in a connection that the daemon has cut, and goes on by another from the last event. Rejects if it was not cut. */
  resume(): Promise<void>
  /** Resolves at the end of the log. */
  readonly ended: Promise<void>
}

/** Follows the log of a deployment whose steps write `line 1 …`, `line 2 …` and so on. */
export async function follow(socketPath: string, deployment: number): Promise<Follower> {
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<undefined>()
  ended.catch(() => undefined)
  let lines = 0
  let hasEnded = false
  let lastId: string | null = null
  let answer = await connect()

  return {
    lines: () => lines,
    pause: () => void answer.pause(),
    async resume() {
      const { promise: closed, resolve: close } = Promise.withResolvers<undefined>()
      answer.once('close', () => {
        close(undefined)
      })
      answer.resume()
      await closed
      if (hasEnded) throw new Error('a reader that read nothing was not let go')
      answer = await connect()
    },
    ended,
  }

  async function connect(): Promise<IncomingMessage> {
    const headers = lastId === null ? {} : { 'last-event-id': lastId }
    const asked = request({
      socketPath,
      path: `/api/deployments/${deployment}/log?follow`,
      headers,
      agent: false,
    }).end()
    const [opened] = (await once(asked, 'response')) as [IncomingMessage]
    if (opened.statusCode !== 200) throw new Error(`following was answered ${opened.statusCode ?? '?'}`)
    let rest = ''
    opened.setEncoding('utf8').on('data', (text: string) => {
      const events = (rest + text).split('\n\n')
      rest = events.pop() ?? ''
      events.forEach(take)
    })
    opened.on('error', () => undefined)
    return opened
  }

  function take(event: string): void {
    const [, id] = /^id: (\d+)$/m.exec(event) ?? []
    if (id !== undefined) lastId = id
    if (event.startsWith('event: end')) {
      hasEnded = true
      end(undefined)
    }
    const [, number] = /"text":"line (\d+) /.exec(event) ?? []
    if (number === undefined) return
    if (Number(number) !== lines + 1) fail(new Error(`after line ${lines} came line ${number}`))
    lines = Number(number)
  }
}
