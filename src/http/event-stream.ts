import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'

/**
 * Events for one reader, in the order they were sent; a slow reader makes the senders wait, nothing piles up. One that
 * takes too long is cut off: it can come back and go on, and until then it costs nothing.
 */
export type EventStream = {
  readonly body: Readable
  /** Aborted when the reader is gone or too slow, or the stream was ended. */
  readonly signal: AbortSignal
  /** Resolves when the next one may be sent. Rejects once `signal` is aborted. */
  send(event: { readonly event: string; readonly data: object; readonly id?: number }): Promise<void>
  end(): void
}

export type EventStreamOptions = {
  readonly heartbeatMs: number
  /** How long a reader may leave untaken what waits for it. */
  readonly patienceMs: number
  readonly onTooSlow: () => void
  readonly closing: AbortSignal
}

/**
 * Server-sent events by hand: https://html.spec.whatwg.org/multipage/server-sent-events.html
 * A comment each `heartbeatMs` shows that the stream is alive; it ends at the latest with `closing`.
 */
export function openEventStream({ heartbeatMs, patienceMs, onTooSlow, closing }: EventStreamOptions): EventStream {
  const body = new PassThrough()
  const over = new AbortController()

  const heartbeat = setInterval(() => {
    if (!body.writableNeedDrain) body.write(': alive\n\n')
  }, heartbeatMs)
  closing.addEventListener('abort', end)
  body.once('close', end)
  if (closing.aborted) end()

  return {
    body,
    signal: over.signal,
    async send({ event, data, id }) {
      over.signal.throwIfAborted()
      const written = body.write(
        `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
      )
      if (!written) await drained()
    },
    end,
  }

  async function drained(): Promise<void> {
    const patience = setTimeout(() => {
      onTooSlow()
      body.destroy() // without what waits in it, and so without an end
      end()
    }, patienceMs)
    try {
      await once(body, 'drain', { signal: over.signal })
    } finally {
      clearTimeout(patience)
    }
  }

  function end(): void {
    clearInterval(heartbeat)
    closing.removeEventListener('abort', end)
    over.abort()
    body.end()
  }
}
