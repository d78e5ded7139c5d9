import { dirname } from 'node:path'
import { isWithin } from '../../lib/path-within.ts'
import { appPath, type Entry } from '../entries.ts'
import { problemAt, warningAt } from '../finding.ts'
import type { Judged, Machine, Rule } from './rule.ts'

/** Where a checkout would do harm, followed through symbolic links. */
export const pathsAreSafe: Rule = ({ entries, machine }) =>
  entries.flatMap((entry) => {
    const path = appPath(entry)
    if (path === null) return []
    const at = entry.placeOf('path')
    const asWritten = harmOf(path, machine)
    if (asWritten !== null) return [problemAt(at, asWritten)]
    const where = machine.realPaths.get(path)
    if (where === undefined) return []
    if ('problem' in where) return [problemAt(at, where.problem)]
    const harm = where.real === path ? null : harmOf(where.real, machine)
    if (harm !== null) return [problemAt(at, `leads to ${where.real}, which ${harm}`)]
    return where.isLink ? [problemAt(at, `is a symbolic link: give the directory that it leads to, ${where.real}`)] : []
  })

const systemTrees = [
  '/bin',
  '/boot',
  '/dev',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/proc',
  '/sbin',
  '/sys',
  '/usr/bin',
  '/usr/lib',
  '/usr/lib64',
  '/usr/sbin',
]
const systemDirectories = new Set(
  '/ /etc /home /media /mnt /opt /root /run /srv /tmp /usr /usr/local /usr/local/bin /usr/local/lib /usr/share /var /var/cache /var/lib /var/log /var/spool /var/tmp'.split(
    ' ',
  ),
)

function harmOf(path: string, { home, stateDirectories }: Machine): string | null {
  const useOther = 'choose a directory that holds nothing else, such as /srv/blog'
  if (path === '/') return `is the whole file system: ${useOther}`
  if (path === home || /^\/home\/[^/]+$/.test(path)) return `is a home directory: ${useOther}`
  if (systemDirectories.has(path)) return `is a directory of the system: ${useOther}`
  if (systemTrees.some((tree) => isWithin(path, tree))) return `belongs to the system: ${useOther}`
  if (home !== null && isWithin(home, path)) return `holds the home directory ${home}: ${useOther}`
  const state = stateDirectories.find((directory) => isWithin(path, directory) || isWithin(directory, path))
  if (state === undefined) return null
  const how = path === state ? 'is' : isWithin(path, state) ? 'lies inside' : 'holds'
  return `${how} ${path === state ? '' : state + ', '}the state directory of deployhook: ${useOther}`
}

/** Two apps in one directory, or one inside the other, would undo each other's work. */
export const pathsAreApart: Rule = ({ entries, machine }) => {
  const located = entries.flatMap((entry) => {
    const path = appPath(entry)
    return path === null ? [] : [{ entry, real: realOf(path, machine) }]
  })
  const owners = new Map<string, Entry>()
  for (const { entry, real } of located) if (!owners.has(real)) owners.set(real, entry)
  return located.flatMap(({ entry, real }) => {
    const at = entry.placeOf('path')
    const same = owners.get(real)
    if (same !== undefined && same !== entry)
      return [problemAt(at, `${entry.name} and ${same.name} have the same path: each app needs its own`)]
    const around = ancestorsOf(real).find((directory) => owners.has(directory))
    const outer = around === undefined ? undefined : owners.get(around)
    if (outer === undefined) return []
    return [
      problemAt(
        at,
        `the path of ${entry.name} lies inside ${around ?? ''}, the path of ${outer.name}: put them side by side`,
      ),
    ]
  })
}

/** A push could then change what is deployed, and as what. */
export const treesHoldNoDeployMap: Rule = ({ entries, machine }) =>
  entries.flatMap((entry) => {
    const path = appPath(entry)
    if (path === null || !isWithin(machine.realFile, realOf(path, machine))) return []
    return [
      warningAt(
        entry.placeOf('path'),
        `holds this very file, so that whoever can push to ${entry.name} can change it: keep it elsewhere`,
      ),
    ]
  })

function realOf(path: string, { realPaths }: Judged['machine']): string {
  const where = realPaths.get(path)
  return where !== undefined && 'real' in where ? where.real : path
}

function ancestorsOf(path: string): readonly string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...ancestorsOf(parent)]
}
