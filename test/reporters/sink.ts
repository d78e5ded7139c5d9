import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createRawServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export type Received = { readonly path: string; readonly headers: IncomingMessage['headers']; readonly body: Buffer }

export type Sink = { readonly url: string; readonly port: number; readonly received: readonly Received[] }

/** A receiver on this machine that keeps what it gets, and answers as told; gone after the test. */
export async function startSink(answer: (response: ServerResponse, received: Received) => void): Promise<Sink> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) }
      received.push(one)
      answer(response, one)
    })
  })
  const port = await listening(server)
  return { url: `http://127.0.0.1:${port}/hooks`, port, received }
}

export function answering(status: number, headers: Readonly<Record<string, string>> = {}) {
  return (response: ServerResponse): void => {
    response.writeHead(status, headers).end('@everyone \u001b[31m')
  }
}

/** One that speaks for itself, byte by byte. */
export async function startRawSink(talk: (socket: Socket) => void): Promise<{ readonly url: string }> {
  const server = createRawServer((socket) => {
    socket.on('error', () => undefined)
    talk(socket)
  })
  return { url: `http://127.0.0.1:${await listening(server)}/hooks` }
}

export async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}
