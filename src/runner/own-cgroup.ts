import { join, relative } from 'node:path'

export type CgroupFiles = {
  /** /proc/self/cgroup: see cgroups(7). */
  readonly membership: string
  /** /proc/self/mountinfo: see proc_pid_mountinfo(5). */
  readonly mounts: string
}

/** The directory of this process's own cgroup of version 2; null: it is in none, or none that it can see. */
export function ownCgroup({ membership, mounts }: CgroupFiles): string | null {
  const path = /^0::(\/.*)$/m.exec(membership)?.[1]
  // With /.. it lies above the root of its cgroup namespace: see cgroup_namespaces(7).
  if (path === undefined || path.startsWith('/..')) return null
  return cgroupDirectory(path, { mounts, hierarchy: 'unified' })
}

/** `unified`: that of version 2; else the one of version 1 that was mounted with this option, such as `memory`. */
export type Hierarchy = 'unified' | 'name=systemd' | 'memory' | 'cpu' | 'pids'

/** Where the cgroup `path` of a hierarchy is to be seen; null: nowhere. */
export function cgroupDirectory(
  path: string,
  { mounts, hierarchy }: { readonly mounts: string; readonly hierarchy: Hierarchy },
): string | null {
  for (const line of mounts.split('\n')) {
    const [mount = '', fileSystem = ''] = line.split(' - ')
    if (!isOfHierarchy(fileSystem, hierarchy)) continue
    const [, , , root = '', mountPoint = ''] = mount.split(' ').map(unescaped)
    const below = relative(root, path)
    if (!below.startsWith('..')) return join(mountPoint, below)
  }
  return null
}

function isOfHierarchy(fileSystem: string, hierarchy: Hierarchy): boolean {
  const [type, , options = ''] = fileSystem.split(' ')
  return hierarchy === 'unified' ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes(hierarchy)
}

/** Blanks and backslashes stand in it as \ooo. */
function unescaped(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
}
