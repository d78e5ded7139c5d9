import { accessSync, constants } from 'node:fs'
import { stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { ServeOptions } from '../cli/locations.ts'
import { loadDeployMap, loadDeployMapApart, parseListen } from '../config/index.ts'
import { SocketTaken, type ListenWhere } from '../http/index.ts'
import { handedOver } from '../lib/systemd.ts'
import type { DeployMap } from '../model/deploy-map.ts'
import type { Reading } from '../reload.ts'
import { systemPath } from '../runner/environment.ts'
import { mayPass, StoreError } from '../store/index.ts'

/**
 * Reads deploy.yml as the daemon runs it; texts are ready to be shown. Nobody is held up meanwhile: a long file is read by
 * a thread of its own, and a short one sooner than a thread starts.
 */
export async function readDeployMap(options: ServeOptions, process: NodeJS.Process): Promise<Reading> {
  const { configFile, stateDirectory } = options
  const uid = process.geteuid?.() ?? 0
  const load = (await isSmall(configFile)) ? loadDeployMap : loadDeployMapApart
  const loaded = await load(configFile, { env: process.env, uid, stateDirectory })
  if (loaded.kind === 'refused') return { kind: 'refused', problems: loaded.problems.map(({ text }) => text) }
  const warnings = loaded.warnings.map(({ text }) => text)
  return { kind: 'loaded', map: loaded.map, warnings: [...warnings, ...missingGit(searchPathOf(process.env))] }
}

async function isSmall(file: string): Promise<boolean> {
  try {
    return (await stat(file)).size <= smallBytes
  } catch {
    return true // what is wrong with it is told by reading it
  }
}

/** Some fifty apps. */
const smallBytes = 16 * 1024

/** Where git is looked for. */
export function searchPathOf(env: NodeJS.ProcessEnv): string {
  return env['PATH'] ?? systemPath
}

/** Pushes are kept without it, and none is deployed. */
function missingGit(searchPath: string): readonly string[] {
  const isThere = searchPath.split(delimiter).some((directory) => isExecutable(join(directory, 'git')))
  return isThere ? [] : [`there is no git in ${searchPath}, so nothing can be deployed: apt install git`]
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where to listen: the socket of systemd goes before the command line, and that before deploy.yml. */
export function listenOf({ listen }: ServeOptions, map: DeployMap, { env, pid }: NodeJS.Process): ListenWhere {
  const [fd, ...more] = handedOver(env, pid)
  if (more.length > 0)
    throw new CannotStart(`systemd hands over ${more.length + 1} sockets: leave deployhook.socket one ListenStream=`)
  if (fd !== undefined) return { kind: 'inherited', fd }
  if (listen === null) return map.server.listen
  const parsed = parseListen(listen)
  if ('problem' in parsed) throw new CannotStart(`--listen ${parsed.problem}`)
  return parsed
}

/** What hinders now and may be over at the next try (a full disk, a lock): systemd starts the daemon again. */
export function isWorthAnotherStart(error: Error): boolean {
  if (error instanceof StoreError) return error.code === 'unavailable' || error.code === 'failed'
  return mayPass(error)
}

class CannotStart extends Error {
  override readonly name = 'CannotStart'
}

/** Errors whose message tells an operator what to mend; the rest are ours. */
export function isOfTheSurroundings(error: unknown): error is Error {
  if (error instanceof CannotStart || error instanceof StoreError || error instanceof SocketTaken) return true
  return error instanceof Error && 'syscall' in error && error.syscall === 'listen'
}
