import { findApp } from '../find.ts'
import { findEarlier, onDisk } from '../find-version.ts'
import { parseBody, rollbackBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `GET /api/apps/<app>/releases`: those that are there. `POST /api/apps/<app>/rollback`: back to one of them, or to an earlier commit. */
export function releaseRoutes(deps: RouteDeps): readonly Route[] {
  const { store, map, runner, ingest, present, log } = deps
  return [
    {
      method: 'GET',
      url: '/api/apps/:app/releases',
      config: { access: 'read' },
      handler: async (request) => {
        const app = findApp((request.params as { app: string }).app, map())
        const releases = await runner.releases(app)
        const [target, quarantined] = await Promise.all([
          store.rollbackTarget(app.name, onDisk(releases)),
          store.quarantined(app.name),
        ])
        const forbidden = new Set(quarantined.map(({ revision }) => revision))
        return {
          strategy: app.strategy,
          releases: releases.map(({ name, revision, ref, deployment, madeAt, isLive, isComplete }) => ({
            ...{ name, revision, ref, deployment, at: madeAt, isLive, isComplete },
            isPrevious: name === target?.release,
            quarantined: forbidden.has(revision),
          })),
        }
      },
    },
    {
      method: 'POST',
      url: '/api/apps/:app/rollback',
      config: { access: 'operate' },
      handler: async (request, reply) => {
        const { to, by, reason, force: forced } = parseBody(rollbackBody, request.body)
        const app = findApp((request.params as { app: string }).app, map())
        const { ref, ...version } = await findEarlier(app, to, deps)
        const deployment = await ingest.request(app, {
          ...{ trigger: 'rollback', ref, adopt: false, forced, version, reason },
          by: request.tokenName ?? by,
        })
        log.info(
          { app: app.name, deployment: deployment.id, ...version, forced, by: request.caller },
          'rollback requested',
        )
        reply.code(202)
        return { deployment: await present.one(deployment) }
      },
    },
  ]
}
