import { didYouMean, quoted } from '../../config/did-you-mean.ts'
import type { DeployMap } from '../../model/deploy-map.ts'
import { sampleReport } from '../../sample-report.ts'
import { HttpError } from '../http-error.ts'
import { emptyBody, parseBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `POST /api/reporters/<name>/test`: tells a made-up report once, now, and answers how that went. */
export function reporterRoute({ store, map, sender, clock, log }: RouteDeps): Route {
  return {
    method: 'POST',
    url: '/api/reporters/:name/test',
    config: { access: 'operate' },
    handler: async (request) => {
      parseBody(emptyBody, request.body)
      const { name } = request.params as { name: string }
      const { databaseId } = store
      const report = sampleReport({ databaseId, at: clock.now(), publicUrl: map().server.publicUrl })
      const told = await sender.tryOut(name, report)
      if (told === null) throw new HttpError('not_found', { as: 'reporter_not_found', message: missing(name, map()) })
      log.info({ reporter: name, result: told.kind, by: request.caller }, 'reporter tried out')
      return { result: told.kind, problem: told.kind === 'told' ? null : told.problem }
    },
  }
}

function missing(name: string, { reporters }: DeployMap): string {
  const known = reporters.size === 0 ? ', which has none at all' : didYouMean(name, [...reporters.keys()])
  return `no reporter of deploy.yml is called ${quoted(name)}${known}`
}

/** Every reporter of deploy.yml, and those that are not there any more but have something left. */
export async function reporterViews({ store, map }: Pick<RouteDeps, 'store' | 'map'>): Promise<readonly object[]> {
  const counts = new Map((await store.reportCounts()).map(({ reporter, ...count }) => [reporter, count]))
  const names = new Set([...map().reporters.keys(), ...counts.keys()])
  return [...names].map((name) => ({
    name,
    kind: map().reporters.get(name)?.kind ?? null,
    ...(counts.get(name) ?? { pending: 0, dead: 0, lastSentAt: null, lastError: null }),
  }))
}
