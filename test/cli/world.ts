import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { runCli } from '../../src/cli/index.ts'
import type { CliIo, Output } from '../../src/cli/io.ts'

/** A temporary directory that goes away with the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'deployhook-cli-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

export type Asked = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Answer = (asked: Asked, response: ServerResponse) => void

/** A server on a unix socket that answers `METHOD /path` (without the query) as told, and keeps what it was asked. */
export async function startDaemon(answers: Readonly<Record<string, Answer>>): Promise<Daemon> {
  const directory = await temporaryDirectory()
  const socket = join(directory, 'control.sock')
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      const { method = '', url = '', headers } = request
      const one = { method, url, headers, body }
      asked.push(one)
      const answer = answers[`${method} ${url.split('?')[0] ?? ''}`]
      const missing = refuse(404, { code: 'not_found', message: `nothing at ${url}` })
      ;(answer ?? missing)(one, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve()
      })
      server.closeAllConnections()
    })
  onTestFinished(() => (server.listening ? stop() : undefined))
  return { socket, directory, asked, stop }
}

export type Daemon = {
  readonly socket: string
  readonly directory: string
  readonly asked: readonly Asked[]
  readonly stop: () => Promise<void>
}

async function read(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

export function json(body: unknown, status = 200): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
}

export function refuse(
  status: number,
  error: { readonly code: string; readonly message: string },
  more: object = {},
): Answer {
  return json({ error, ...more }, status)
}

/** A followed log: each event with its id, then (unless `broken`) the end of the response. */
export function events(list: readonly SentEvent[], { broken = false }: { readonly broken?: boolean } = {}): Answer {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`: hello\n\n${list.map(eventText).join('')}`, () => {
      if (broken) response.destroy()
      else response.end()
    })
  }
}

export type SentEvent = { readonly event: 'line' | 'state' | 'end'; readonly id?: number; readonly data?: unknown }

function eventText({ event, id, data }: SentEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data ?? {})}\n\n`
}

/** Each answer once, in turn; the last one from then on. */
export function inTurn(...answers: readonly Answer[]): Answer {
  let next = 0
  return (asked, response) => {
    const answer = answers[Math.min(next, answers.length - 1)]
    next += 1
    answer?.(asked, response)
  }
}

export const now = new Date('2026-11-24T12:00:00.000Z')

export type Ran = { readonly code: number; readonly out: string; readonly err: string }

export type Running = Partial<CliIo> & {
  readonly isTTY?: boolean
  /** Told of each piece of output as it comes. */
  readonly onOutput?: (text: string) => void
}

/** Runs one command in a world of its own, and gathers what it says. */
export async function run(argv: readonly string[], running: Running = {}): Promise<Ran> {
  const { isTTY = false, onOutput = () => undefined, ...io } = running
  const said = { out: '', err: '' }
  const output = (name: 'out' | 'err'): Output => ({
    isTTY,
    write(text, written) {
      said[name] += typeof text === 'string' ? text : Buffer.from(text).toString()
      onOutput(said[name])
      written()
    },
  })
  const code = await runCli(argv, {
    env: {},
    stdout: output('out'),
    stderr: output('err'),
    cwd: '/',
    uid: 1000,
    version: '1.2.3',
    clock: { now: () => now },
    sleep: () => Promise.resolve(),
    prompt: null,
    onInterrupt: () => () => undefined,
    serve: () => Promise.reject(new Error('serve was not expected')),
    ...io,
  })
  return { code, ...said }
}

/** A deployment as the API shows it. */
export function aDeployment(fields: object = {}): Record<string, unknown> {
  return {
    id: 12,
    app: 'blog',
    requestedRevision: 'a'.repeat(40),
    revision: 'a'.repeat(40),
    ref: 'refs/heads/main',
    trigger: 'push',
    state: 'done',
    waitingFor: null,
    outcome: 'succeeded',
    reason: null,
    message: null,
    supersededBy: null,
    delivery: 9,
    attempts: 1,
    queuedAt: '2026-11-24T11:57:00.000Z',
    startedAt: '2026-11-24T11:57:30.000Z',
    finishedAt: '2026-11-24T11:57:42.500Z',
    release: null,
    exact: false,
    forced: false,
    approvedAt: null,
    approvedBy: null,
    askedBy: null,
    note: null,
    steps: [
      {
        number: 1,
        name: 'npm ci',
        attempt: 1,
        exitCode: 0,
        signal: null,
        startedAt: '2026-11-24T11:57:31.000Z',
        finishedAt: '2026-11-24T11:57:40.000Z',
      },
    ],
    ...fields,
  }
}

/** A delivery as the API shows it. */
export function aDelivery(fields: object = {}): Record<string, unknown> {
  return {
    id: 9,
    webhook: 'github',
    provider: 'github',
    providerId: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    event: 'push',
    receivedAt: '2026-11-24T11:57:00.000Z',
    remoteAddress: '140.82.115.1',
    result: 'accepted',
    reason: null,
    duplicateOf: null,
    secret: 0,
    repository: 'acme/blog',
    ref: 'refs/heads/main',
    after: 'a'.repeat(40),
    pusher: 'octocat',
    deployments: [{ id: 12, app: 'blog' }],
    ignored: [],
    ...fields,
  }
}

/** What a hostile branch name, message or output may hold: colours, the title, the clipboard, a link, C1 and bidi. */
export const hostile =
  'x;\u001b[31mred\u001b[0m\u001b]0;title\u0007\u001b]52;c;aGk=\u001b\\\u009b2Jc1\u202etxt\u0007\u0000\r\u001b[2K'
