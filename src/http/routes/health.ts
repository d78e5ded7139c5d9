import type { Route, RouteDeps } from '../route.ts'

/** `GET /healthz`: the process answers. `GET /readyz`: it can keep deliveries and is not about to end. */
export function healthRoutes(deps: RouteDeps): readonly Route[] {
  const { store, map, catchUp, config, health, diskProblems, draining, monotonic, log } = deps
  const canWrite = createCanWrite()
  return [
    {
      method: 'GET',
      url: '/healthz',
      config: { access: 'health' },
      handler: (_request, reply) => reply.send({ status: 'alive' }),
    },
    {
      method: 'GET',
      url: '/readyz',
      config: { access: 'health' },
      handler: async (_request, reply) => {
        const store = (await canWrite()) ? [] : ['store_unavailable']
        const { reasons: others, warnings: more } = health()
        const reasons = [...store, ...others, ...(draining() ? ['draining'] : [])]
        const warnings = [
          ...(config().problems.length > 0 ? ['config_not_reloaded'] : []),
          ...((await diskProblems()).length > 0 ? ['disk_full'] : []),
          ...([...map().apps.values()].some((app) => catchUp(app).isFailing) ? ['catch_up_failing'] : []),
          ...more,
        ]
        if (reasons.length === 0) return { status: 'ready', warnings }
        reply.code(503)
        return { status: 'not_ready', reasons, warnings }
      },
    },
  ]

  /** Everybody may ask, and the answer costs a write: once a second is enough. */
  function createCanWrite(): () => Promise<boolean> {
    let last: { readonly at: number; readonly answer: Promise<boolean> } | null = null
    return () => {
      const at = monotonic()
      if (last === null || at - last.at >= 1000) last = { at, answer: ping() }
      return last.answer
    }
  }

  async function ping(): Promise<boolean> {
    try {
      await store.ping()
      return true
    } catch (error) {
      log.error({ err: error }, 'the store cannot be written to')
      return false
    }
  }
}
