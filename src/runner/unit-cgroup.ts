import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isScarcity } from '../lib/scarcity.ts'
import { cgroupOf, type Cgroup } from './cgroup.ts'
import type { LimitsHit } from './command.ts'
import { cgroupDirectory, type Hierarchy } from './own-cgroup.ts'
import type { Controller } from './unit.ts'

/** The cgroup of a unit: what begins in it stays in it. */
export type UnitCgroup = Pick<Cgroup, 'pids' | 'kill'> & {
  /** Since the unit began. */
  hit(): LimitsHit
  /** What can be held to a limit here. */
  controllers(): ReadonlySet<Controller>
}

/** As /proc/self/mountinfo has it. */
export function readMounts(): string {
  return readFileSync('/proc/self/mountinfo', 'utf8')
}

/** null: the cgroups of systemd cannot be seen from here. */
export function unitCgroupOf(path: string, mounts: string): UnitCgroup | null {
  const at = (hierarchy: Hierarchy) => cgroupDirectory(path, { mounts, hierarchy })
  const unified = at('unified')
  const directory = unified ?? at('name=systemd')
  if (directory === null) return null
  const fileOf = ({ old, now, hierarchy }: ControllerFile) => {
    const legacy = at(hierarchy)
    return [...(legacy === null ? [] : [join(legacy, old)]), ...(unified === null ? [] : [join(unified, now)])]
  }
  return {
    ...cgroupOf([directory]),
    hit: () => ({
      memory: fileOf(files.memoryEvents).some((file) => counted(file, 'oom_kill') > 0),
      tasks: fileOf(files.taskEvents).some((file) => counted(file, 'max') > 0),
    }),
    controllers: () =>
      new Set(
        (['memory', 'cpu', 'pids'] as const).filter((name) => fileOf(files[name]).some((file) => existsSync(file))),
      ),
  }
}

/** The same thing in version 1 and in version 2. See the kernel's admin-guide, cgroup-v1 and cgroup-v2. */
type ControllerFile = { readonly hierarchy: Controller; readonly old: string; readonly now: string }

const files = {
  memory: { hierarchy: 'memory', old: 'memory.limit_in_bytes', now: 'memory.max' },
  cpu: { hierarchy: 'cpu', old: 'cpu.cfs_quota_us', now: 'cpu.max' },
  pids: { hierarchy: 'pids', old: 'pids.max', now: 'pids.max' },
  memoryEvents: { hierarchy: 'memory', old: 'memory.oom_control', now: 'memory.events' },
  taskEvents: { hierarchy: 'pids', old: 'pids.events', now: 'pids.events' },
} as const satisfies Record<string, ControllerFile>

function counted(file: string, name: string): number {
  try {
    const line = readFileSync(file, 'utf8')
      .split('\n')
      .find((text) => text.startsWith(`${name} `))
    return Number(line?.slice(name.length + 1) ?? 0)
  } catch (error) {
    if (isScarcity(error)) throw error // It may well be there.
    return 0
  }
}
