import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createRawServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { HealthCheck, Probe } from '../../../src/model/health-check.ts'
import { createRunCommand } from '../../../src/runner/exec.ts'
import { createAsk, type ProbeTools } from '../../../src/runner/health/index.ts'
import type { Answer } from '../../../src/runner/health/probe.ts'
import { processesWith, temporaryFolder } from '../running.ts'

export function httpCheck(
  url: string,
  { timeoutMs = 5_000, ...rest }: Partial<Extract<Probe, { kind: 'http' }>> & { readonly timeoutMs?: number } = {},
): HealthCheck {
  const status = { from: 200, to: 299 }
  const probe = {
    kind: 'http',
    url,
    status,
    contains: null,
    headers: new Map(),
    followRedirects: false,
    ...rest,
  } as const
  return check(probe, { timeoutMs })
}

export function check(probe: Probe, rest: Partial<HealthCheck> = {}): HealthCheck {
  return { probe, timeoutMs: 5_000, intervalMs: 1_000, retries: 30, preview: false, ...rest }
}

/** The real probes, with tools for those that run commands; the test fails if a process of them is left at its end. */
export function openAsk(tools: Partial<ProbeTools> = {}) {
  const folder = temporaryFolder()
  const cookie = `test${randomBytes(8).toString('hex')}.1.1`
  const output: Buffer[] = []
  const scripts = join(folder, 'scripts')
  const searchPath = '/usr/local/bin:/usr/bin:/bin'
  const run = createRunCommand({ directory: join(folder, 'pipes') })
  let hasRun = false
  const ask = createAsk({
    run: (...command) => {
      hasRun = true
      return run(...command)
    },
    cookie,
    cwd: folder,
    env: { PATH: searchPath, GREETING: 'hello' },
    user: null,
    scripts,
    onOutput: (chunk) => void output.push(Buffer.from(chunk)),
    systemd: { searchPath, runtimeDirectory: null },
    ...tools,
  })
  onTestFinished(() => {
    if (hasRun) expect(processesWith(cookie)).toEqual([])
  })
  return {
    folder,
    scripts,
    cookie,
    ask,
    output: () => Buffer.concat(output).toString(),
    try: (one: HealthCheck, signal = new AbortController().signal): Promise<Answer> =>
      ask(one, { name: 'health-1', signal }),
  }
}

export type HttpApp = {
  readonly origin: string
  readonly requests: readonly IncomingMessage[]
  /** Resolves when nobody is connected. */
  closed(): Promise<void>
}

export async function startHttp(
  answer: (response: ServerResponse, request: IncomingMessage) => void,
): Promise<HttpApp> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    response.on('error', () => undefined)
    answer(response, request)
  })
  const { origin, sockets } = await listening(server)
  return { origin, requests, closed: () => emptied(sockets) }
}

/** One that speaks for itself, byte by byte. */
export async function startRaw(talk: (socket: Socket) => void) {
  const { origin, port, sockets } = await listening(createRawServer(talk))
  return { origin, port, closed: () => emptied(sockets) }
}

/** Writes `chunk` for as long as somebody reads it. */
export function writeForEver(socket: Pick<Socket, 'write' | 'once' | 'destroyed'>, chunk: string): void {
  while (!socket.destroyed && socket.write(chunk));
  if (!socket.destroyed)
    socket.once('drain', () => {
      writeForEver(socket, chunk)
    })
}

async function listening(server: Server) {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, port, sockets }
}

async function emptied(sockets: ReadonlySet<Socket>): Promise<void> {
  await expect.poll(() => sockets.size, { timeout: 20_000, interval: 5 }).toBe(0)
}
