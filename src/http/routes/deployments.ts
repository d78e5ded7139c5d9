import type { FastifyRequest } from 'fastify'
import type { Deployment } from '../../model/deployment.ts'
import { findRef } from '../find.ts'
import { HttpError } from '../http-error.ts'
import { presentReport } from '../present.ts'
import { pageOf } from '../page.ts'
import { deploymentsQuery, emptyBody, parseAs, parseBody, parseId, personBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** Deployments: the list, one, and what a person may do with one. */
export function deploymentRoutes({ store, map, worker, ingest, present, log }: RouteDeps): readonly Route[] {
  return [
    {
      method: 'GET',
      url: '/api/deployments',
      config: { access: 'read' },
      handler: async (request) => {
        const { limit, app, state, before } = parseAs(deploymentsQuery, request.query)
        const found = await store.deployments({
          limit: limit + 1,
          ...(app === undefined ? {} : { app }),
          ...(state === undefined ? {} : { state }),
          ...(before === undefined ? {} : { before }),
        })
        const { items, next } = pageOf(found, limit)
        return { deployments: await present.all(items), next }
      },
    },
    {
      method: 'GET',
      url: '/api/deployments/:id',
      config: { access: 'read' },
      handler: async (request) => {
        const deployment = await deploymentOf(request)
        const reports = await store.reportsOf(deployment.id)
        return { ...(await present.one(deployment)), reports: reports.map(presentReport) }
      },
    },
    {
      method: 'POST',
      url: '/api/deployments/:id/cancel',
      config: { access: 'operate' },
      handler: async (request, reply) => {
        parseBody(emptyBody, request.body)
        const { id } = await deploymentOf(request)
        const result = await worker.cancel(id)
        if (result === 'not_found') throw noDeployment()
        if (result === 'done')
          throw new HttpError('conflict', { as: 'already_done', message: 'It is done; there is nothing to cancel.' })
        log.info({ deployment: id, result, by: request.caller }, 'cancel requested')
        reply.code(202)
        return { deployment: await present.one(await deploymentOf(request)) }
      },
    },
    {
      method: 'POST',
      url: '/api/deployments/:id/retry',
      config: { access: 'operate' },
      handler: async (request, reply) => {
        const { by, reason } = parseBody(personBody, request.body)
        const { id, app: name, state, ref, adopt, trigger, release, requestedRevision } = await deploymentOf(request)
        if (state !== 'done')
          throw new HttpError('conflict', { as: 'not_done', message: 'It is not done yet; cancel it first, or wait.' })
        const app = map().apps.get(name)
        if (app === undefined)
          throw new HttpError('conflict', { as: 'app_removed', message: 'Its app is no longer in deploy.yml.' })
        if (trigger === 'rollback')
          throw new HttpError('conflict', {
            as: 'is_rollback',
            message: `It went back to an earlier version, and a retry would deploy the newest. To go there again: deployhook rollback ${name} --to ${release ?? requestedRevision ?? 'RELEASE'}`,
          })
        const asked = findRef(app, { named: null, newest: ref })
        const deployment = await ingest.request(app, {
          trigger: 'retry',
          ref: asked,
          adopt,
          forced: false,
          version: null,
          by: request.tokenName ?? by,
          reason,
        })
        log.info({ app: app.name, deployment: deployment.id, retryOf: id, by: request.caller }, 'retry requested')
        reply.code(202)
        return { deployment: await present.one(deployment) }
      },
    },
  ]

  async function deploymentOf(request: FastifyRequest): Promise<Deployment> {
    const deployment = await store.deployment(parseId((request.params as { id: string }).id))
    if (deployment === null) throw noDeployment()
    return deployment
  }
}

function noDeployment(): HttpError {
  return new HttpError('not_found', { as: 'deployment_not_found', message: 'There is no deployment with this id.' })
}
