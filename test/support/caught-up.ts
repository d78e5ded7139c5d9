import { until } from './until.ts'
import type { World } from './open-world.ts'

type Asked = { readonly catchUp: { readonly every: string | null; readonly answeredAt: string | null } }

/** Each remote has been asked once since the start: from now on it is the webhook that tells of a push first. */
export async function caughtUp(world: World): Promise<void> {
  await until('every remote to have been asked', async () => {
    const { apps } = (await world.daemon.api('/api/apps')).body as { readonly apps: readonly Asked[] }
    return apps.every(({ catchUp }) => catchUp.every === null || catchUp.answeredAt !== null)
  })
}
