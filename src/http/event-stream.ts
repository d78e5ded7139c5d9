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
  send(event: SentEvent | Encoded): Promise<void>
  end(): void
}

export type SentEvent = { readonly event: string; readonly data: object; readonly id?: number }

/** An event as it is sent: made once, it can be sent to many, and is in memory once. */
export type Encoded = Buffer<ArrayBuffer>

export function encoded({ event, data, id }: SentEvent): Encoded {
  return Buffer.from(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
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
  // Small, for there may be hundreds of them.
  const body = new PassThrough({ highWaterMark: 16 * 1024 })
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
    async send(event) {
      over.signal.throwIfAborted()
      const written = body.write(Buffer.isBuffer(event) ? event : encoded(event))
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
