import { access, constants, lstat, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Stats } from 'node:fs'
import { errorCode } from '../lib/error-code.ts'
import { realPath } from '../lib/real-path.ts'
import type { App } from '../model/deploy-map.ts'
import { each } from './each.ts'
import { ok, problem, warning, type Found } from './finding.ts'
import type { Check, Patient } from './patient.ts'

/** Who may read and change what only deployhook is to: its files, and the directories above them. */
export const checkModes: Check = async (patient) => {
  const { map, config, stateDirectory, user } = patient
  const precious = new Set([config.file, stateDirectory, ...(map?.secretFiles ?? []).map(({ file }) => file)])
  const apps = [...(map?.apps.values() ?? [])]
  const found = [
    ...(await stateFindings(patient)),
    ...(await socketFindings(patient)),
    ...(await each(apps, 8, (app) => appFindings(app, patient))).flat(),
    ...(await parentFindings([...precious, ...apps.map(({ path }) => path)], user)),
  ]
  return found.length > 0
    ? found
    : [
        ok(
          'files',
          `modes and owners of ${precious.size + apps.length + 1} paths, and of what is above them, are as they should be`,
        ),
      ]
}

async function stateFindings({ stateDirectory, user, daemon }: Patient): Promise<readonly Found[]> {
  const stats = await look(stateDirectory, stat)
  if (stats === null)
    return daemon === null
      ? [
          warning(
            stateDirectory,
            'there is no state directory here yet, or it may not be looked into: the daemon makes it',
          ),
        ]
      : [
          problem(
            stateDirectory,
            'the state directory is gone',
            'restart the daemon; restore a backup if there was one: docs/backup.md',
          ),
        ]
  const open = stats.mode & 0o077
  if (open !== 0)
    return [
      problem(
        stateDirectory,
        `the state directory is open to other users (mode ${modeText(stats)})`,
        `chmod 700 ${stateDirectory}`,
      ),
    ]
  if (stats.uid !== user.uid && daemon !== null)
    return [
      problem(
        stateDirectory,
        `the state directory belongs to user ${stats.uid}, and the daemon runs as ${user.name}`,
        `chown -R ${user.name} ${stateDirectory}`,
      ),
    ]
  return []
}

async function socketFindings({ socket }: Patient): Promise<readonly Found[]> {
  const stats = await look(socket, lstat)
  if (stats === null || !stats.isSocket() || (stats.mode & 0o006) === 0) return []
  const isShut = await isClosedToOthers(dirname(socket))
  if (isShut) return []
  return [
    problem(
      socket,
      `everybody on this machine may operate deployhook (mode ${modeText(stats)})`,
      `chmod 660 ${socket}`,
    ),
  ]
}

async function isClosedToOthers(directory: string): Promise<boolean> {
  const stats = await look(directory, stat)
  return stats !== null && (stats.mode & 0o001) === 0
}

/** Whether the user of the daemon can make and change the app's files. */
async function appFindings({ name, path }: App, { user }: Patient): Promise<readonly Found[]> {
  const stats = await look(path, stat)
  const place = stats === null ? await nearestAbove(path) : path
  if (stats !== null && !stats.isDirectory())
    return [problem(path, `of app ${name} is not a directory`, 'move it away, or name another path')]
  try {
    await access(place, constants.W_OK | constants.X_OK)
    return []
  } catch (error) {
    const code = errorCode(error) ?? 'unknown error'
    const what =
      code === 'EROFS'
        ? `lies where nothing can be written (${code}): a read-only disk, or ProtectSystem= of the unit`
        : `cannot be ${stats === null ? 'made' : 'written to'} by ${user.name} (${code})`
    const cure =
      code === 'EROFS'
        ? `ReadWritePaths=${path} in the unit: systemctl edit deployhook`
        : `as root: install -d -o ${user.name} ${path}`
    return [problem(path, `of app ${name} ${what}`, cure)]
  }
}

async function nearestAbove(path: string): Promise<string> {
  const above = dirname(path)
  return above === path || (await look(above, stat)) !== null ? above : nearestAbove(above)
}

/** Whoever can write to a directory can put another file in the place of one in it, and of all below. */
async function parentFindings(paths: readonly string[], user: Patient['user']): Promise<readonly Found[]> {
  const above = new Map<string, string>()
  for (const path of paths)
    for (const directory of ancestors(realPath(path))) if (!above.has(directory)) above.set(directory, path)
  const found = await each([...above], 16, async ([directory, path]) => {
    const stats = await look(directory, stat)
    return stats === null ? [] : judgeParent(stats, { directory, path, user })
  })
  return found.flat()
}

function judgeParent(
  stats: Stats,
  { directory, path, user }: { readonly directory: string; readonly path: string; readonly user: Patient['user'] },
): readonly Found[] {
  const isSticky = (stats.mode & 0o1000) !== 0
  const consequence = `can put something else in the place of ${path}`
  if (stats.uid !== 0 && stats.uid !== user.uid)
    return [
      warning(
        directory,
        `belongs to user ${stats.uid}, who ${consequence}`,
        `chown root ${directory}, if that user is not to decide what runs here`,
      ),
    ]
  if (isSticky) return []
  if ((stats.mode & 0o002) !== 0)
    return [
      problem(
        directory,
        `everybody on this machine ${consequence} (mode ${modeText(stats)})`,
        `chmod o-w ${directory}`,
      ),
    ]
  if ((stats.mode & 0o020) !== 0 && stats.gid !== 0)
    return [
      warning(
        directory,
        `group ${stats.gid} ${consequence} (mode ${modeText(stats)})`,
        `chmod g-w ${directory}, if others are in that group`,
      ),
    ]
  return []
}

function ancestors(path: string): readonly string[] {
  const above = dirname(resolve(path))
  return above === path ? [] : [above, ...ancestors(above)]
}

/** null: it is not there, or may not be looked at. */
async function look(path: string, how: (path: string) => Promise<Stats>): Promise<Stats | null> {
  try {
    return await how(path)
  } catch (error) {
    if (errorCode(error) !== null) return null
    throw error
  }
}

function modeText({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}
