import type { DeployMap } from '../model/deploy-map.ts'
import type { PushEvent } from '../model/push-event.ts'

type History = {
  /** Newest first. */
  deployments(of: { readonly app: string; readonly limit: number }): Promise<readonly { readonly ref: string }[]>
}

/** A push that names an app but no ref means, where the app has no one branch, what was deployed last. */
export function withRefs(
  pushes: readonly PushEvent[],
  { map, store }: { readonly map: DeployMap; readonly store: History },
): Promise<readonly PushEvent[]> {
  return Promise.all(
    pushes.map(async (push) => {
      if (push.app === null || push.ref !== null || map.apps.get(push.app)?.branch !== null) return push
      const [newest] = await store.deployments({ app: push.app, limit: 1 })
      return newest === undefined ? push : { ...push, ref: newest.ref }
    }),
  )
}
