import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'

/** Events for one reader, in the order they were sent; a slow reader makes the senders wait, nothing piles up. */
export type EventStream = {
  readonly body: Readable
  /** Aborted when the reader is gone or the stream was ended. */
  readonly signal: AbortSignal
  /** Resolves when the next one may be sent. Rejects once `signal` is aborted. */
  send(event: { readonly event: string; readonly data: object; readonly id?: number }): Promise<void>
  end(): void
}

/**
 * Server-sent events by hand: https://html.spec.whatwg.org/multipage/server-sent-events.html
 * A comment each `heartbeatMs` shows that the stream is alive; it ends at the latest with `closing`.
 */
export function openEventStream({ heartbeatMs, closing }: { heartbeatMs: number; closing: AbortSignal }): EventStream {
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
      if (!written) await once(body, 'drain', { signal: over.signal })
    },
    end,
  }

  function end(): void {
    clearInterval(heartbeat)
    closing.removeEventListener('abort', end)
    over.abort()
    body.end()
  }
}
