import type { ServeOptions } from '../cli/locations.ts'
import { examine, type Doctor } from '../doctor.ts'
import { thisMachine } from '../doctor/machine.ts'
import { succeeds } from '../lib/succeeds.ts'
import type { DeployMap } from '../model/deploy-map.ts'
import type { Reading } from '../reload.ts'
import type { DiskFloor } from '../runner/disk-floor.ts'
import type { User } from '../runner/environment.ts'
import type { Workspace } from '../runner/workspace.ts'
import type { Store } from '../store/store.ts'

export type DoctorParts = {
  readonly options: ServeOptions
  readonly process: NodeJS.Process
  readonly map: () => DeployMap
  readonly read: () => Promise<Reading>
  readonly store: Pick<Store, 'secretUses' | 'stateId' | 'ping'>
  readonly workspace: Pick<Workspace, 'listRefs'>
  readonly floor: Pick<DiskFloor, 'problems'>
  readonly refusals: { count(webhook: string): number }
  readonly health: () => { readonly reasons: readonly string[]; readonly warnings: readonly string[] }
  readonly draining: () => boolean
  readonly user: User
  readonly shutdownGraceMs: number
}

const limitMs = 30_000

/** The doctor in the daemon's own place: with its user, its environment, its keys and its sandbox. */
export function createDoctor(parts: DoctorParts): Doctor {
  const { options, process, map, read, store, workspace, floor, refusals, user, shutdownGraceMs } = parts
  let asked = 0

  return async (urls) => {
    const [reading, reasons] = await Promise.all([read(), reasonsOf(parts)])
    const { configFile: file, stateDirectory, socket } = options
    return examine(
      {
        ...thisMachine(process.env),
        map: map(),
        config: { file, problems: [], warnings: [], ...reading },
        ...{ stateDirectory, socket, urls, absence: null },
        user: { uid: process.geteuid?.() ?? 0, name: user.name },
        daemon: {
          pid: process.pid,
          reasons,
          warnings: parts.health().warnings,
          shutdownGraceMs,
          secretUses: ({ name, secrets }) => store.secretUses(name, secrets),
          refusals: (webhook) => refusals.count(webhook),
        },
        listRefs: (app, context) => {
          asked += 1
          return workspace.listRefs(app, { ...context, cookie: `${store.stateId}.doctor.${asked}` })
        },
        diskProblems: (paths) => floor.problems(paths),
      },
      { limitMs },
    )
  }
}

async function reasonsOf({ store, health, draining }: DoctorParts): Promise<readonly string[]> {
  const isWritable = await succeeds(store.ping())
  return [...(isWritable ? [] : ['store_unavailable']), ...health().reasons, ...(draining() ? ['draining'] : [])]
}
