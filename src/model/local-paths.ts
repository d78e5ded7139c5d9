import { fileURLToPath } from 'node:url'
import type { DeployMap } from './deploy-map.ts'

/** The repositories on this host that git may read although another user owns them: exactly those of deploy.yml. */
export function localPaths(map: Pick<DeployMap, 'apps'>): readonly string[] {
  const local = [...map.apps.values()].filter(({ repo }) => repo.protocol === 'file')
  return local.map(({ repo: { url } }) => (url.startsWith('/') ? url : fileURLToPath(url)))
}
