import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { onTestFinished } from 'vitest'
import { githubPush } from '../../demo/github.ts'
import { openHttp, type HttpDeps } from '../../src/http/index.ts'
import { createIngest, type Ingest } from '../../src/ingest.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { Log } from '../../src/lib/log.ts'
import { Secret } from '../../src/lib/secret.ts'
import type { DeployMap, Listen, Server } from '../../src/model/deploy-map.ts'
import type { Refusal } from '../../src/model/delivery.ts'
import { createSimulate } from '../../src/simulate.ts'
import { createStrays, openStore } from '../../src/store/index.ts'
import type { Store } from '../../src/store/store.ts'
import { createApp, createMap } from '../support/map.ts'

export const secret = 'a-secret-for-tests-0123456789'
export const tokens = { operate: 'token-that-operates-1234', read: 'token-that-reads-12345678' }

/** The real listeners before a real store; workers, reload and explain are what the test says. */
export type Door = {
  /** `http://127.0.0.1:PORT` */
  readonly address: string
  readonly port: number
  readonly socket: string
  readonly directory: string
  readonly deps: HttpDeps
  readonly store: Store
  readonly logged: { readonly level: string; readonly fields: object; readonly message: string }[]
  /** Changes the map in force from now on. */
  setMap(change: (map: DeployMap) => DeployMap): void
  /** Over the public listener, with the token that may do everything unless told otherwise. */
  api(path: string, options?: Asked): Promise<Answer>
  /** Over the control socket, without a token. */
  control(path: string, options?: Asked): Promise<Answer>
  /** A signed GitHub push of acme/blog, main, to the webhook `github`. */
  push(options?: {
    readonly id?: string
    readonly after?: string
    readonly key?: string
    readonly path?: string
  }): Promise<Answer>
  close(): Promise<void>
}

export type Asked = {
  readonly method?: 'GET' | 'POST' | 'HEAD' | 'PUT' | 'DELETE' | 'OPTIONS' | 'TRACE' | 'PATCH'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly token?: string | null
}

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** Parsed, or null when it is not JSON. */
  readonly body: never
}

export type DoorOptions = Partial<Omit<HttpDeps, 'store'>> & {
  readonly server?: Partial<Server>
  readonly listen?: Listen
  readonly wrapStore?: (store: Store) => HttpDeps['store']
  readonly wrapIngest?: (ingest: Ingest) => HttpDeps['ingest']
}

export async function openDoor(options: DoorOptions = {}): Promise<Door> {
  const {
    server = {},
    listen = { kind: 'tcp', host: '127.0.0.1', port: 0 },
    wrapStore = (it: Store) => it,
    wrapIngest = (it: Ingest) => it,
    ...deps
  } = options
  const directory = await mkdtemp(join(tmpdir(), 'deployhook-http-'))
  const logged: { level: string; fields: object; message: string }[] = []
  const log = logInto(logged)
  let map = testMap(server)
  const refused: Refusal[] = []
  const store = await openStore(join(directory, 'state'), { log, failPoint: () => undefined })
  const ingest = createIngest({
    store,
    map: () => map,
    clock: systemClock,
    log,
    failPoint: () => undefined,
    onRefused: ({ webhook, remoteAddress, receivedAt }, reason, providerId) => {
      refused.unshift({ at: receivedAt, webhook, remoteAddress, providerId, reason })
    },
  })
  const httpDeps: HttpDeps = {
    map: () => map,
    store: wrapStore(store),
    realPath: (path) => path,
    ingest: wrapIngest(ingest),
    runner: { releases: () => Promise.resolve([]) },
    worker: { cancel: (id) => store.cancel(id, new Date()) },
    reload: () => Promise.resolve({ kind: 'reloaded', warnings: [] }),
    health: () => ({ reasons: [], warnings: [] }),
    config: () => ({ file: map.file, loadedAt: new Date(0), problems: [] }),
    explain: () => Promise.resolve(null),
    doctor: () => Promise.resolve([]),
    simulate: createSimulate({ store, map: () => map, realPath: (path) => path, clock: systemClock }),
    refusals: {
      recent: (webhook) => refused.filter((refusal) => refusal.webhook === webhook),
      count: (webhook) => refused.filter((refusal) => refusal.webhook === webhook).length,
    },
    sender: { tryOut: () => Promise.resolve(null) },
    strays: createStrays(),
    diskProblems: () => Promise.resolve([]),
    catchUp: () => ({ everyMs: 300_000, answeredAt: null, failing: null, isFailing: false }),
    wakeCatchUp: () => undefined,
    draining: () => false,
    startedAt: new Date(0),
    version: '1.2.3',
    clock: systemClock,
    log,
    failPoint: () => undefined,
    ...deps,
  }
  const http = await openHttp(httpDeps)
  const close = async (): Promise<void> => {
    await http.close()
    await store.close()
  }
  onTestFinished(async () => {
    await close()
    await rm(directory, { recursive: true, force: true })
  })
  const socket = join(directory, 'control.sock')
  const { address, port } = await http.listen({ public: listen, socket })

  return {
    address,
    port: port ?? 0,
    socket,
    directory,
    deps: httpDeps,
    store,
    logged,
    setMap(change) {
      map = change(map)
    },
    api: (path, { token = tokens.operate, headers = {}, ...asked } = {}) =>
      ask(address + path, {
        ...asked,
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
      }),
    control: (path, asked = {}) => ask(`http://localhost${path}`, asked, socket),
    push({ id, after = 'a'.repeat(40), key = secret, path = '/hooks/github' } = {}) {
      const push = { repository: 'acme/blog', ref: 'refs/heads/main', before: 'b'.repeat(40), after }
      const { headers, body } = githubPush({ ...push, ...(id === undefined ? {} : { deliveryId: id }) }, key)
      return ask(address + path, { method: 'POST', headers, body })
    },
    close,
  }
}

function testMap(server: Partial<Server>): DeployMap {
  const map = createMap(
    [createApp('blog'), createApp('shop', { repo: 'https://github.com/acme/shop.git' })],
    [{ name: 'github', provider: 'github', secrets: [new Secret(secret)], options: {} }],
  )
  const apiTokens = [
    { name: 'ci', sha256: sha256(tokens.operate), secret: null, can: 'operate' },
    { name: 'eyes', sha256: sha256(tokens.read), secret: null, can: 'read' },
  ] as const
  return { ...map, server: { ...map.server, apiTokens, ...server } }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function logInto(logged: { level: string; fields: object; message: string }[]): Log {
  const at = (level: string) => (fields: object, message: string) => {
    logged.push({ level, fields, message })
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

async function ask(url: string, { method = 'GET', headers = {}, body }: Asked, socket?: string): Promise<Answer> {
  const dispatcher = new Agent(socket === undefined ? {} : { connect: { socketPath: socket } })
  try {
    const answer = await request(url, { method, headers, dispatcher, ...(body === undefined ? {} : { body }) })
    const text = await answer.body.text()
    return { status: answer.statusCode, headers: answer.headers, text, body: parsed(text) as never }
  } finally {
    await dispatcher.close()
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A bare connection: says exactly what it is told to. */
export type Line = {
  readonly socket: Socket
  /** All that came so far. */
  heard(): string
  say(text: string | Buffer): void
  /** Resolves with all that came when `pattern` is in it; rejects when the connection ends without. */
  until(pattern: RegExp): Promise<string>
  /** Resolves with all that came when the other side has ended it. */
  ended(): Promise<string>
}

export async function dial({ port }: { readonly port: number }): Promise<Line> {
  const socket = connect({ port, host: '127.0.0.1' })
  let text = ''
  let isOver = false
  const listeners = new Set<() => void>()
  const tell = (): void => {
    for (const listener of listeners) listener()
  }
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    tell()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    isOver = true
    tell()
  })
  onTestFinished(() => {
    socket.destroy()
  })
  await new Promise((resolve) => socket.once('connect', resolve))

  const wait = (done: () => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (done()) resolve(text)
        else if (isOver) reject(new Error(`the connection ended after: ${text}`))
        else return
        listeners.delete(look)
      }
      listeners.add(look)
      look()
    })
  return {
    socket,
    heard: () => text,
    say: (said) => {
      socket.write(said)
    },
    until: (pattern) => wait(() => pattern.test(text)),
    ended: () => wait(() => isOver),
  }
}

/** A signed push as it goes over the wire. */
export function pushText(options: { readonly headers?: string; readonly body?: Buffer } = {}): string {
  const { headers, body } = githubPush(
    { repository: 'acme/blog', ref: 'refs/heads/main', before: 'b'.repeat(40), after: 'a'.repeat(40) },
    secret,
  )
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST /hooks/github HTTP/1.1\r\nHost: anything\r\n${lines.join('')}${options.headers ?? ''}Content-Length: ${body.length}\r\n\r\n${body.toString()}`
}

/** How many sockets of clients lead to the listener, as the kernel sees it. */
export async function connections({ port }: { readonly port: number }): Promise<number> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  const established = ' 01 '
  return (await readFile('/proc/net/tcp', 'utf8'))
    .split('\n')
    .filter((row) => (row.split(' rem')[0] ?? '').includes(local) && row.slice(0, 40).includes(established)).length
}
