import type { App } from '../model/deploy-map.ts'
import type { Limits, Sandbox } from '../model/limits.ts'

/** A transient unit of systemd that a command runs in; see systemd.service(5). */
export type Unit = {
  /** Without `.service`. No two that are there at the same time may have the same. */
  readonly name: string
  /** For people, in `systemctl status`; everybody on the machine may read it. */
  readonly description: string
  /** `MemoryMax=1073741824`, without how it is started and told. Everybody may read these, too. */
  readonly properties: readonly string[]
  /** systemd itself ends it after this time, so that it ends when no daemon comes back; null: never. */
  readonly endsAfterMs: number | null
  /** It stays, with how it ended, until it is released: the next daemon is told even if this one dies at this moment. */
  readonly isHeld: boolean
}

export type UnitOf = {
  readonly app: App
  readonly deployment: number
  /** What runs beside the steps, or stays when they are over, has a name of its own; '' for the others. */
  readonly suffix: string
  readonly what: string
  /** Where its commands have to be able to write. */
  readonly writable: readonly string[]
  readonly endsAfterMs: number | null
  readonly isHeld: boolean
}

export function unitOf({ app, deployment, suffix, what, writable, ...rest }: UnitOf): Unit {
  return {
    name: `deployhook-${app.name}-${deployment}${suffix}`,
    description: `deployhook: ${app.name}, deployment ${deployment}, ${what}`,
    properties: [...limitProperties(app.limits), ...sandboxProperties(app.sandbox, writable)],
    ...rest,
  }
}

/** See systemd.resource-control(5). */
function limitProperties({ memoryBytes, cpuPercent, tasks }: Limits): readonly string[] {
  return [
    // What is swapped out instead is as slow as none: the limit is on both.
    ...(memoryBytes === null ? [] : [`MemoryMax=${memoryBytes}`, 'MemorySwapMax=0']),
    ...(cpuPercent === null ? [] : [`CPUQuota=${cpuPercent}%`]),
    ...(tasks === null ? [] : [`TasksMax=${tasks + ownTasks}`]),
  ]
}

/** Who holds the pipe of the output; see `unit-script.ts`. */
const ownTasks = 1

/** See systemd.exec(5). */
function sandboxProperties(sandbox: Sandbox, writable: readonly string[]): readonly string[] {
  const { protectSystem, protectHome, privateTmp } = sandbox
  const open = protectSystem === 'strict' ? [...writable, ...(privateTmp ? [] : ['/tmp', '/var/tmp'])] : []
  const flags = [
    ['PrivateTmp', privateTmp],
    ['PrivateDevices', sandbox.privateDevices],
    ['PrivateNetwork', sandbox.privateNetwork],
    ['NoNewPrivileges', sandbox.noNewPrivileges],
  ] as const
  return [
    ...(protectSystem === null ? [] : [`ProtectSystem=${protectSystem}`]),
    ...(protectHome === null ? [] : [`ProtectHome=${protectHome === 'hidden' ? 'yes' : protectHome}`]),
    ...pathProperties('ReadWritePaths', [...open, ...sandbox.readWritePaths]),
    ...pathProperties('ReadOnlyPaths', sandbox.readOnlyPaths),
    ...pathProperties('InaccessiblePaths', sandbox.inaccessiblePaths),
    ...flags.filter(([, isOn]) => isOn).map(([name]) => `${name}=yes`),
  ]
}

/** In quotes, as systemd.syntax(7) has them: a path may hold blanks. */
function pathProperties(name: string, paths: readonly string[]): readonly string[] {
  return paths.map((path) => `${name}="${path.replaceAll(/["\\]/g, String.raw`\$&`)}"`)
}

export function hasSandbox({ sandbox }: App): boolean {
  return Object.values(sandbox).some((value) =>
    Array.isArray(value) ? value.length > 0 : value !== null && value !== false,
  )
}

/** The limits that an app names, by the controllers that hold it to them. */
export function controllersFor({ limits }: App): readonly Controller[] {
  const { memoryBytes, cpuPercent, tasks } = limits
  const wanted = [
    ['memory', memoryBytes],
    ['cpu', cpuPercent],
    ['pids', tasks],
  ] as const
  return wanted.filter(([, limit]) => limit !== null).map(([name]) => name)
}

export type Controller = 'memory' | 'cpu' | 'pids'
