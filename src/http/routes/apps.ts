import type { App } from '../../model/deploy-map.ts'
import type { Queued } from '../../store/store.ts'
import { findApp, findRef } from '../find.ts'
import { presentCatchUp } from '../present.ts'
import { deployBody, parseBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `GET /api/apps`: what is live where. `POST /api/apps/<app>/deploy`: the tip of the app's branch (or of the `ref` of the body), now. */
export function appRoutes(deps: RouteDeps): readonly Route[] {
  const { store, map, ingest, present, log } = deps
  return [
    {
      method: 'GET',
      url: '/api/apps',
      config: { access: 'read' },
      handler: async () => {
        const queue = await store.queue()
        return { apps: await Promise.all([...map().apps.values()].map((app) => appStatus(app, queue, deps))) }
      },
    },
    {
      method: 'POST',
      url: '/api/apps/:app/deploy',
      config: { access: 'operate' },
      handler: async (request, reply) => {
        const { app: name } = request.params as { app: string }
        const { adopt, ref: named = null } = parseBody(deployBody, request.body)
        const app = findApp(name, map())
        const [newest] = await store.deployments({ app: app.name, limit: 1 })
        const ref = findRef(app, { named, newest: newest?.ref ?? null })
        const deployment = await ingest.request(app, {
          trigger: 'manual',
          ref,
          adopt,
          forced: false,
          version: null,
          by: null,
          reason: null,
        })
        log.info({ app: app.name, deployment: deployment.id, ref, adopt, by: request.caller }, 'deploy requested')
        reply.code(202)
        return { deployment: await present.one(deployment) }
      },
    },
  ]
}

async function appStatus(app: App, queue: readonly Queued[], { store, present, catchUp }: RouteDeps): Promise<object> {
  const [live, [last]] = await Promise.all([store.live(app.name), store.deployments({ app: app.name, limit: 1 })])
  const own = queue.filter((other) => other.app === app.name)
  return {
    name: app.name,
    repo: app.repo.url,
    branch: app.branch,
    branches: app.branches.map(({ text }) => text),
    tags: app.tags.map(({ text }) => text),
    path: app.path,
    live: live.revision === null ? null : { revision: live.revision, deployment: live.deployment, at: live.at },
    running: own.find(({ state }) => state === 'running')?.id ?? null,
    queued: own.filter(({ state }) => state === 'queued').map(({ id }) => id),
    last: last === undefined ? null : await present.one(last),
    catchUp: presentCatchUp(catchUp(app)),
  }
}
