import { everyApp } from '../../model/gate.ts'
import { commonOf, presentFreeze, presentHold } from '../app-view.ts'
import type { Route, RouteDeps } from '../route.ts'
import { reporterViews } from './reporters.ts'
import { webhookView } from './webhooks.ts'

/** `GET /api/status`: how the daemon is, at a glance. */
export function statusRoute(deps: RouteDeps): Route {
  const { map, clock, config, diskProblems, draining, catchUp, health, address, startedAt, version } = deps
  return {
    method: 'GET',
    url: '/api/status',
    config: { access: 'read' },
    handler: async () => {
      const { apps, webhooks, server } = map()
      const { file, loadedAt, problems } = config()
      const { queue, gates } = await commonOf(deps)
      const at = clock.now()
      const running = queue.filter(({ state }) => state === 'running').length
      return {
        version,
        startedAt,
        listen: address(),
        config: { file, loadedAt, problems },
        health: health(),
        disk: { problems: await diskProblems(), stops: await stoppedByDisk(deps) },
        catchUp: {
          failing: [...apps.values()].filter((app) => catchUp(app).isFailing).map(({ name }) => name),
        },
        held: gates.holds.filter(({ app }) => apps.has(app)).map((hold) => ({ app: hold.app, ...presentHold(hold) })),
        frozen: gates.freezes
          .filter(({ scope, until }) => (scope === everyApp || apps.has(scope)) && (until === null || until > at))
          .map(presentFreeze),
        webhooks: await Promise.all([...webhooks.values()].map((webhook) => webhookView(webhook, deps))),
        reporters: await reporterViews(deps),
        running,
        queued: queue.length - running,
        maxRunning: server.maxRunning,
        draining: draining(),
      }
    },
  }
}

/** The names of the apps that are not deployed, because a disk that they need is full. */
async function stoppedByDisk({ map, diskProblems }: RouteDeps): Promise<'all' | readonly string[]> {
  if ((await diskProblems([])).length > 0) return 'all'
  const apps = await Promise.all(
    [...map().apps.values()].map(async (app) => ((await diskProblems([app])).length > 0 ? [app.name] : [])),
  )
  return apps.flat()
}
