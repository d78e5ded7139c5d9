/** One event of a stream. https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
export type ServerSentEvent = { readonly id: string | null; readonly event: string; readonly data: string }

/** The events of an SSE body, whole ones only: a broken connection leaves no half event behind. */
export async function* serverSentEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parse(block)
      if (event !== null) yield event
    }
  }
}

/** null: a comment (a heartbeat). */
function parse(block: string): ServerSentEvent | null {
  let id: string | null = null
  let event = 'message'
  const data: string[] = []
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ''] = /^([^:]+)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'id') id = value
    if (field === 'event') event = value
    if (field === 'data') data.push(value)
  }
  return data.length === 0 && event === 'message' ? null : { id, event, data: data.join('\n') }
}
