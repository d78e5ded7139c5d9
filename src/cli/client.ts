import { Agent, request } from 'undici'
import type {
  AppView,
  DeliveriesView,
  DeploymentsView,
  DeploymentView,
  ExplanationView,
  FrozenView,
  HeldView,
  LogEvent,
  ReleasesView,
  ReloadView,
  ReplayView,
  ReportView,
  SampleView,
  SimulationView,
  StatusView,
  UnfrozenView,
  UnheldView,
  WebhookView,
} from './api.ts'
import type { Finding } from '../doctor/finding.ts'
import type { Wish } from './asker.ts'
import { CliError, exit } from './cli-error.ts'
import { causeCode, notReachable } from './connect.ts'
import { serverSentEvents, type ServerSentEvent } from './sse.ts'

/**
 * The daemon's API over its control socket. Every method throws a `CliError`: exit code 1 with the daemon's own message
 * when it refuses, 3 when it is not reachable.
 */
export type Client = {
  status(): Promise<StatusView>
  apps(): Promise<{ readonly apps: readonly AppView[] }>
  deployments(query: Query): Promise<DeploymentsView>
  deployment(id: number): Promise<DeploymentView>
  deliveries(query: Query): Promise<DeliveriesView>
  webhooks(): Promise<{ readonly webhooks: readonly WebhookView[] }>
  replay(id: number): Promise<ReplayView>
  explain(subject: string | null): Promise<ExplanationView>
  reload(): Promise<ReloadView>
  /** Tells a made-up report. */
  report(reporter: string): Promise<ReportView>
  simulate(sent: SentDelivery): Promise<SimulationView>
  sample(webhook: string, app: string | undefined): Promise<SampleView>
  deploy(app: string, wish: DeployWish): Promise<DeploymentView>
  rollback(app: string, wish: Wish & { readonly to?: string; readonly force?: true }): Promise<DeploymentView>
  releases(app: string): Promise<ReleasesView>
  hold(app: string, wish: Wish): Promise<HeldView>
  unhold(app: string, wish: Wish): Promise<UnheldView>
  /** null: all apps. */
  freeze(app: string | null, wish: Wish & { readonly until?: string }): Promise<FrozenView>
  unfreeze(app: string | null, wish: Wish): Promise<UnfrozenView>
  approve(id: number, wish: Pick<Wish, 'by'>): Promise<DeploymentView>
  retry(id: number, wish: Wish): Promise<DeploymentView>
  cancel(id: number): Promise<DeploymentView>
  doctor(urls: Readonly<Record<string, string>>): Promise<{ readonly findings: readonly Finding[] }>
  /** A copy of the daemon's database. */
  backup(): Promise<Download>
  /** The log as it is kept. */
  readLog(id: number): Promise<AsyncIterable<Uint8Array>>
  /** The log from its start, or from after the event `lastId`, and on as it is written. Ends early on a lost connection. */
  followLog(
    id: number,
    options: { readonly lastId: string | null; readonly signal: AbortSignal },
  ): Promise<AsyncIterable<LogEvent>>
  close(): Promise<void>
}

export type DeployWish = Wish & {
  readonly adopt?: true
  readonly ref?: string
  readonly revision?: string
  readonly force?: true
}

export type Download = { readonly size: number; readonly body: AsyncIterable<Uint8Array> }

export type SentDelivery = {
  readonly webhook: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Buffer
}

export type Query = Readonly<Record<string, string | number | undefined>>

/** Talks to the daemon on the socket at `path`. */
export function openClient(path: string): Client {
  // The daemon runs on this machine, so a dead one closes the socket: silence is a step that prints nothing.
  const agent = new Agent({ connect: { socketPath: path }, bodyTimeout: 0 })

  return {
    // What the daemon says on its own socket is believed: this is the edge where JSON gets its types.
    status: async () => (await read('/api/status')) as StatusView,
    apps: async () => (await read('/api/apps')) as { apps: AppView[] },
    deployments: async (query) => (await read(`/api/deployments${search(query)}`)) as DeploymentsView,
    deployment: async (id) => (await read(`/api/deployments/${id}`)) as DeploymentView,
    deliveries: async (query) => (await read(`/api/deliveries${search(query)}`)) as DeliveriesView,
    webhooks: async () => (await read('/api/webhooks')) as { webhooks: WebhookView[] },
    replay: async (id) => (await post(`/api/deliveries/${id}/replay`, {})) as ReplayView,
    explain: async (subject) =>
      (await read(`/api/explain${search({ subject: subject ?? undefined })}`)) as ExplanationView,
    reload,
    report: async (reporter) => (await post(`/api/reporters/${encodeURIComponent(reporter)}/test`, {})) as ReportView,
    simulate: async ({ payload, ...sent }) =>
      (await post('/api/simulate', { ...sent, payload: payload.toString('base64') })) as SimulationView,
    sample: async (webhook, app) =>
      (await post(
        `/api/webhooks/${encodeURIComponent(webhook)}/sample`,
        app === undefined ? {} : { app },
      )) as SampleView,
    deploy: (app, wish) => deploymentOf(of(app, 'deploy'), wish),
    rollback: (app, wish) => deploymentOf(of(app, 'rollback'), wish),
    releases: async (app) => (await read(of(app, 'releases'))) as ReleasesView,
    hold: async (app, wish) => (await post(of(app, 'hold'), wish)) as HeldView,
    unhold: async (app, wish) => (await post(of(app, 'unhold'), wish)) as UnheldView,
    freeze: async (app, wish) => (await post(app === null ? '/api/freeze' : of(app, 'freeze'), wish)) as FrozenView,
    unfreeze: async (app, wish) =>
      (await post(app === null ? '/api/unfreeze' : of(app, 'unfreeze'), wish)) as UnfrozenView,
    approve: (id, wish) => deploymentOf(`/api/deployments/${id}/approve`, wish),
    retry: (id, wish) => deploymentOf(`/api/deployments/${id}/retry`, wish),
    cancel: (id) => deploymentOf(`/api/deployments/${id}/cancel`, {}),
    doctor: async (urls) => (await post('/api/doctor', { urls })) as { findings: Finding[] },
    async backup() {
      const { body, headers } = await accepted(await send({ path: '/api/backup', method: 'POST', content: {} }))
      return { size: Number(headers['content-length']), body }
    },
    async readLog(id) {
      const { body } = await accepted(await send({ path: `/api/deployments/${id}/log` }))
      return body
    },
    async followLog(id, { lastId, signal }) {
      const headers = { accept: 'text/event-stream', ...(lastId === null ? {} : { 'last-event-id': lastId }) }
      const { body } = await accepted(await send({ path: `/api/deployments/${id}/log?follow`, headers, signal }))
      return logEvents(body)
    },
    close: () => agent.destroy(),
  }

  async function read(path: string): Promise<unknown> {
    const { body } = await accepted(await send({ path }))
    return body.json()
  }

  async function deploymentOf(path: string, content: object): Promise<DeploymentView> {
    const { deployment } = (await post(path, content)) as { deployment: DeploymentView }
    return deployment
  }

  async function post(path: string, content: object): Promise<unknown> {
    const { body } = await accepted(await send({ path, method: 'POST', content }))
    return body.json()
  }

  async function reload(): Promise<ReloadView> {
    const answer = await send({ path: '/api/reload', method: 'POST', content: {} })
    if (answer.statusCode === 200) return (await answer.body.json()) as ReloadView
    const { problems, error } = refusal(await answer.body.text())
    if (problems === undefined) throw refused(answer.statusCode, error?.message)
    return { result: 'refused', problems }
  }

  async function send(sent: Sent): Promise<Answer> {
    const { method = 'GET', content, headers = {}, signal, path: target } = sent
    const json =
      content === undefined ? {} : { body: JSON.stringify(content), headers: { 'content-type': 'application/json' } }
    try {
      return await request(`http://localhost${target}`, {
        dispatcher: agent,
        method,
        ...json,
        headers: { ...json.headers, ...headers },
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (error) {
      if (signal?.aborted) throw error
      throw notReachable([{ path, code: causeCode(error) ?? 'unknown error' }], error)
    }
  }
}

type Sent = {
  readonly path: string
  readonly method?: 'GET' | 'POST'
  readonly content?: object
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

type Answer = Awaited<ReturnType<typeof request>>

function of(app: string, what: string): string {
  return `/api/apps/${encodeURIComponent(app)}/${what}`
}

function search(query: Query): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value))
  return given.size === 0 ? '' : `?${given.toString()}`
}

async function accepted(answer: Answer): Promise<Answer> {
  if (answer.statusCode < 300) return answer
  throw refused(answer.statusCode, refusal(await answer.body.text()).error?.message)
}

function refused(status: number, message: string | undefined): CliError {
  return new CliError(message ?? `the daemon answers with status ${status} and no reason: see its own log`, {
    exitCode: exit.failed,
  })
}

type RefusalBody = { readonly error?: { readonly message?: string }; readonly problems?: readonly string[] }

function refusal(text: string): RefusalBody {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    return {}
  }
}

async function* logEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<LogEvent> {
  for await (const event of serverSentEvents(body)) {
    const read = logEvent(event)
    if (read !== null) yield read
  }
}

/** null: a kind of event that a newer daemon sends and this command does not know. */
function logEvent({ id, event, data }: ServerSentEvent): LogEvent | null {
  if (event === 'end') return { kind: 'end', id }
  if (event === 'line')
    return { kind: 'line', id, ...(JSON.parse(data) as { at: string; step: string | null; text: string }) }
  if (event === 'state') return { kind: 'state', id, ...(JSON.parse(data) as { deployment: DeploymentView }) }
  return null
}
