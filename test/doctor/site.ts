import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export type Site = {
  readonly url: string
  readonly asked: { readonly method: string; readonly path: string; readonly headers: IncomingMessage['headers'] }[]
}

/** A local stand-in for whatever stands at an address; gone after the test. */
export async function openSite(answer: (path: string, response: ServerResponse) => void): Promise<Site> {
  const asked: Site['asked'] = []
  const listener: RequestListener = (request, response) => {
    asked.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers })
    request.resume().on('end', () => {
      answer(request.url ?? '', response)
    })
  }
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}
