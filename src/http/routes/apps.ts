import type { App } from '../../model/deploy-map.ts'
import type { Revision } from '../../model/revision.ts'
import { appView, commonOf } from '../app-view.ts'
import { findApp, findRef } from '../find.ts'
import { findRevision } from '../find-version.ts'
import { deployBody, parseBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/**
 * `GET /api/apps`: what is live where. `POST /api/apps/<app>/deploy`: the tip of the app's branch (or of the `ref` of
 * the body), or one `revision` of it, now.
 */
export function appRoutes(deps: RouteDeps): readonly Route[] {
  const { store, map, ingest, present, log } = deps
  return [
    {
      method: 'GET',
      url: '/api/apps',
      config: { access: 'read' },
      handler: async () => {
        const common = await commonOf(deps)
        return { apps: await Promise.all([...map().apps.values()].map((app) => appView(app, common, deps))) }
      },
    },
    {
      method: 'POST',
      url: '/api/apps/:app/deploy',
      config: { access: 'operate' },
      handler: async (request, reply) => {
        const { app: name } = request.params as { app: string }
        const { adopt, force: forced, by, reason, ...asked } = parseBody(deployBody, request.body)
        const app = findApp(name, map())
        const revision = asked.revision === undefined ? null : await findRevision(app, asked.revision, deps)
        const ref = findRef(app, { named: asked.ref ?? null, newest: await newestRef(app, revision) })
        const deployment = await ingest.request(app, {
          ...{ trigger: 'manual', ref, adopt, forced, reason },
          version: revision === null ? null : { revision, release: null },
          by: request.tokenName ?? by,
        })
        log.info(
          { app: app.name, deployment: deployment.id, ref, revision, adopt, forced, by: request.caller },
          'deploy requested',
        )
        reply.code(202)
        return { deployment: await present.one(deployment) }
      },
    },
  ]

  /** Of the deployment that had this revision, or else of the newest one. */
  async function newestRef({ name: app }: App, revision: Revision | null): Promise<string | null> {
    const known = revision === null ? [] : await store.deployments({ app, revision, limit: 1 })
    const [found] = known.length > 0 ? known : await store.deployments({ app, limit: 1 })
    return found?.ref ?? null
  }
}
