import { pause } from '../lib/pause.ts'
import type { Listen } from '../model/deploy-map.ts'
import type { HttpDeps } from './http-deps.ts'
import { defaultLimits } from './limits.ts'
import { addressOf, boundTo, letGo, listen, type ListenWhere } from './listen.ts'
import { createMetrics } from './metrics.ts'
import { createPresenter } from './present.ts'
import { createQuietLog } from './quiet-log.ts'
import type { RouteDeps } from './route.ts'
import { createServer } from './server.ts'

export type { HttpDeps } from './http-deps.ts'
export { SocketTaken, type ListenWhere } from './listen.ts'

export type Http = {
  /**
   * Opens the control socket (mode 0660), then the public listener. `address` is where the latter is:
   * `http://127.0.0.1:9000`, or `unix:/path` without a port. Rejects with `SocketTaken` or the system's error, with
   * nothing left open.
   */
  listen(where: {
    readonly public: ListenWhere
    readonly socket: string
  }): Promise<{ readonly address: string; readonly port: number | null }>
  /** Ends followed logs, lets requests under way end within a grace, and closes both. */
  close(): Promise<void>
}

/** Both listeners of the daemon, with the same routes: the public one asks for tokens, the control socket does not. */
export async function openHttp(deps: HttpDeps): Promise<Http> {
  const { store, log } = deps
  const limits = { ...defaultLimits, ...deps.limits }
  const monotonic = (): number => performance.now()
  const closing = new AbortController()
  const metrics = createMetrics(deps)
  let listens: Listen | null = null
  let address = ''

  const routeDeps: RouteDeps = {
    ...deps,
    limits,
    metrics,
    present: createPresenter(deps),
    address: () => address,
    closing: closing.signal,
    monotonic,
    warn: createQuietLog(log, { perMinute: 10, now: monotonic }),
  }
  const doors = {
    control: createServer(routeDeps, { door: 'control', listens: () => listens }).app,
    public: createServer(routeDeps, { door: 'public', listens: () => listens }).app,
  }
  await Promise.all([doors.control.ready(), doors.public.ready()])
  const counting = countDeployments()
  let closed: Promise<void> | null = null

  return {
    async listen(where) {
      listens = where.public.kind === 'inherited' ? null : where.public
      try {
        await listen(doors.control.server, { kind: 'unix', path: where.socket }, { mode: 0o660 })
        await listen(doors.public.server, where.public, { mode: 0o666 })
      } catch (error) {
        await close()
        throw error
      }
      const bound = boundTo(doors.public.server, where.public)
      listens ??= bound
      const { port } = ({ address } = addressOf(bound))
      return { address, port }
    },
    close,
  }

  function close(): Promise<void> {
    closed ??= closeAll()
    return closed
  }

  async function closeAll(): Promise<void> {
    closing.abort()
    await Promise.all(Object.values(doors).map((app) => letGo(app.server, app.close(), limits.closeGraceMs)))
    await counting
  }

  async function countDeployments(): Promise<void> {
    try {
      for await (const deployment of store.changes(closing.signal)) {
        if (deployment.state === 'done') metrics.deployed(deployment)
      }
    } catch (error) {
      if (closing.signal.aborted) return
      log.error({ err: error }, 'a deployment could not be counted in the metrics')
      await pause(1_000, closing.signal)
      await countDeployments()
    }
  }
}
