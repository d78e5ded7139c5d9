import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import { bodyOf, headersOf, pushTemplate, signed } from '../load/pushes.ts'
import { secret, type Deployhook } from '../sides/deployhook.ts'
import type { Marker } from './marker.ts'
import type { Origin } from './origin.ts'

/** The one app, of the repository that the pushes are of. */
export const repository = 'acme/app-0'

/** An app in place of that repository, which clones from `origin`. */
export function appOf(origin: Origin, { path, steps }: { readonly path: string; readonly steps: readonly string[] }) {
  return { repo: origin.url, aliases: [`github.com/${repository}`], path, steps }
}

/** From the first byte of the signed push to the first step, in milliseconds; ends when the deployment has succeeded. */
export async function pushToFirstStep(us: Deployhook, marker: Marker, revision: string): Promise<number> {
  const template = pushTemplate(repository)
  const push = signed(revision, { template, secret })
  const pool = new Pool(us.address, { connections: 1 })
  try {
    await (await pool.request({ path: '/healthz', method: 'GET' })).body.dump()
    const begun = marker.next()
    const sentAt = performance.now()
    const answer = await pool.request({
      ...{ path: '/hooks/github', method: 'POST' },
      ...{ headers: headersOf(push), body: bodyOf(template, revision) },
    })
    const text = await answer.body.text()
    if (answer.statusCode !== 202) throw new Error(`the push was answered ${answer.statusCode}: ${text}`)
    const tookMs = (await begun) - sentAt
    await succeeded(us, revision)
    return tookMs
  } finally {
    await pool.close()
  }
}

/** Throws unless the newest deployment made this revision live. */
async function succeeded(us: Deployhook, revision: string): Promise<void> {
  for (;;) {
    const { deployments } = (await us.api('/api/deployments?limit=1')).body as {
      readonly deployments: readonly {
        readonly state: string
        readonly outcome: string | null
        readonly message: string | null
        readonly revision: string | null
      }[]
    }
    const newest = deployments[0]
    if (newest?.state === 'done') {
      if (newest.outcome === 'succeeded' && newest.revision === revision) return
      throw new Error(`the deployment of ${revision} ended ${newest.outcome ?? '?'}: ${newest.message ?? ''}`)
    }
    await wait(30)
  }
}
