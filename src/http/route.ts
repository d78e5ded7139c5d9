import type { RouteOptions } from 'fastify'
import type { Access } from './access.ts'
import type { HttpDeps } from './http-deps.ts'
import type { Limits } from './limits.ts'
import type { Metrics } from './metrics.ts'
import type { Presenter } from './present.ts'

/** A route says who may use it; the compiler asks for it, and `server.ts` again at start. */
export type Route = RouteOptions & { readonly config: { readonly access: Access } }

/** What routes are made from: the daemon's parts, and what HTTP itself adds. */
export type RouteDeps = HttpDeps & {
  readonly limits: Limits
  readonly present: Presenter
  readonly metrics: Metrics
  /** Where the public listener is: `http://127.0.0.1:9000` or `unix:/path`. */
  readonly address: () => string
  /** Aborted when the listeners close: what would go on for ever ends. */
  readonly closing: AbortSignal
  /** Milliseconds on a clock that only goes forward. */
  readonly monotonic: () => number
  /** See `quiet-log.ts`. */
  readonly warn: (kind: string, fields: object, message: string) => void
}
