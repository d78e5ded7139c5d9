import type { Route, RouteDeps } from '../route.ts'
import { approveRoute } from './approve.ts'
import { appRoutes } from './apps.ts'
import { backupRoute } from './backup.ts'
import { deliveryRoutes } from './deliveries.ts'
import { deploymentLogRoute } from './deployment-log.ts'
import { deploymentRoutes } from './deployments.ts'
import { doctorRoute } from './doctor.ts'
import { explainRoute } from './explain.ts'
import { gateRoutes } from './gates.ts'
import { healthRoutes } from './health.ts'
import { hookRoute } from './hooks.ts'
import { metricsRoute } from './metrics.ts'
import { releaseRoutes } from './releases.ts'
import { reloadRoute } from './reload.ts'
import { replayRoute } from './replay.ts'
import { reporterRoute } from './reporters.ts'
import { sampleRoute } from './sample.ts'
import { simulateRoute } from './simulate.ts'
import { statusRoute } from './status.ts'
import { webhookRoute } from './webhooks.ts'

/** Everything that can be asked for. */
export function routes(deps: RouteDeps): readonly Route[] {
  return [
    hookRoute(deps),
    ...healthRoutes(deps),
    metricsRoute(deps),
    statusRoute(deps),
    ...appRoutes(deps),
    ...releaseRoutes(deps),
    ...gateRoutes(deps),
    ...deploymentRoutes(deps),
    approveRoute(deps),
    deploymentLogRoute(deps),
    ...deliveryRoutes(deps),
    replayRoute(deps),
    webhookRoute(deps),
    explainRoute(deps),
    simulateRoute(deps),
    sampleRoute(deps),
    reporterRoute(deps),
    reloadRoute(deps),
    backupRoute(deps),
    doctorRoute(deps),
  ]
}
