import type { FastifyRequest } from 'fastify'
import { everyApp } from '../../model/gate.ts'
import { appView, commonOf, presentFreeze, presentHold } from '../app-view.ts'
import { findApp } from '../find.ts'
import { freezeBody, holdBody, parseBody, personBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'
import { parseUntil } from '../until.ts'

/** Holding an app at what is live, freezing one or all, and the ends of it. Each answers what it put on or took off. */
export function gateRoutes(deps: RouteDeps): readonly Route[] {
  const { store, map, clock, wakeCatchUp, log } = deps
  return [
    route('/api/apps/:app/hold', async (request) => {
      const { until, by, reason } = parseBody(holdBody, request.body)
      const app = appOf(request)
      const hold = await store.hold(app.name, { until, reason, by: request.tokenName ?? by, at: clock.now() })
      log.info({ app: app.name, until, by: request.caller }, 'app held')
      return { held: presentHold(hold), app: await viewOf(request) }
    }),
    route('/api/apps/:app/unhold', async (request) => {
      parseBody(personBody, request.body)
      const app = appOf(request)
      const ended = await store.unhold(app.name)
      wakeCatchUp()
      log.info({ app: app.name, wasHeld: ended !== null, by: request.caller }, 'app not held any more')
      const [newest = null] = await store.quarantined(app.name)
      return { ended: presentHold(ended), app: await viewOf(request), quarantined: newest }
    }),
    route('/api/apps/:app/freeze', async (request) => {
      const frozen = await freeze(request, appOf(request).name)
      return { ...frozen, app: await viewOf(request) }
    }),
    route('/api/apps/:app/unfreeze', async (request) => {
      const ended = await unfreeze(request, appOf(request).name)
      return { ...ended, app: await viewOf(request) }
    }),
    route('/api/freeze', (request) => freeze(request, everyApp)),
    route('/api/unfreeze', (request) => unfreeze(request, everyApp)),
  ]

  async function freeze(request: FastifyRequest, scope: string): Promise<object> {
    const { by, reason, ...asked } = parseBody(freezeBody, request.body)
    const at = clock.now()
    const until = asked.until === null ? null : parseUntil(asked.until, at)
    const frozen = await store.freeze(scope, { until, reason, by: request.tokenName ?? by, at })
    log.info({ scope, until, by: request.caller }, 'frozen')
    return { frozen: presentFreeze(frozen) }
  }

  async function unfreeze(request: FastifyRequest, scope: string): Promise<object> {
    parseBody(personBody, request.body)
    const ended = await store.unfreeze(scope)
    wakeCatchUp()
    log.info({ scope, wasFrozen: ended !== null, by: request.caller }, 'not frozen any more')
    return { ended: presentFreeze(ended) }
  }

  function appOf(request: FastifyRequest): ReturnType<typeof findApp> {
    return findApp((request.params as { app: string }).app, map())
  }

  async function viewOf(request: FastifyRequest): Promise<object> {
    return appView(appOf(request), await commonOf(deps), deps)
  }
}

function route(url: string, handler: (request: FastifyRequest) => Promise<object>): Route {
  return { method: 'POST', url, config: { access: 'operate' }, handler }
}
