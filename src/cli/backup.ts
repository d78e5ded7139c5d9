import { createWriteStream } from 'node:fs'
import { link, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { errorCode } from '../lib/error-code.ts'
import { syncPath } from '../lib/sync-path.ts'
import { backUpStopped, StoreError, verifyBackup } from '../store/index.ts'
import { CliError, exit } from './cli-error.ts'
import {
  examples,
  jsonOption,
  socketOption,
  withDaemon,
  type AddCommand,
  type Cli,
  type DaemonOptions,
} from './command.ts'
import { stateDirectory } from './locations.ts'
import { count } from './text.ts'

type Options = DaemonOptions & { readonly state?: string; readonly force?: boolean; readonly json?: boolean }

export const addBackup: AddCommand = (program, cli) => {
  program
    .command('backup')
    .summary('copy the database, also while the daemon runs')
    .description(
      'Writes one consistent copy of the database (queue, history, deliveries) to FILE, checks it, and tells what is in it. ' +
        'The daemon goes on meanwhile. When none runs, the state directory is copied from, and no daemon can start until that is done. ' +
        'Logs and working trees are not in it: docs/backup.md says what is, and how to restore.',
    )
    .argument('<file>', 'where to; must not exist yet')
    .option('--force', 'replace FILE, at once and only when the new one is whole')
    .option('--state <dir>', 'the state directory, when no daemon runs (DEPLOYHOOK_STATE)')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook backup /var/backups/deployhook.db', 'the first time'],
        ['deployhook backup --force /var/backups/deployhook.db', 'from a timer'],
      ),
    )
    .action(
      cli.action(async (path: string, options: Options) => {
        const file = resolve(cli.io.cwd, path)
        const made = await backUp(file, { options, cli })
        const { from, bytes, deliveries, deployments } = made
        if (options.json) await cli.terminal.printJson({ file, ...made })
        else
          await cli.terminal.print(
            `${file}: ${count(deliveries, 'delivery').replace(/ys$/, 'ies')} and ${count(deployments, 'deployment')}, ${bytes} bytes, checked (from ${from})`,
          )
        return exit.done
      }),
    )
}

type Made = {
  /** `the running daemon`, or the state directory of a stopped one. */
  readonly from: string
  readonly bytes: number
  readonly deliveries: number
  readonly deployments: number
}

/** What stands at `file` in the end is whole, checked and synced, or is what stood there before. */
async function backUp(file: string, { options, cli }: { options: Options; cli: Cli }): Promise<Made> {
  if (!options.force && (await exists(file))) throw isThere(file)
  const partial = join(dirname(file), `.${basename(file)}.${process.pid}.partial`)
  try {
    await removeLeftovers(file)
    await (await open(partial, 'wx', 0o600)).close()
    const from = await fill(partial, { options, cli })
    const held = verifyBackup(partial)
    await syncPath(partial)
    const { size: bytes } = await stat(partial)
    if (options.force) await rename(partial, file)
    else await link(partial, file) // which, unlike rename, replaces nothing
    await syncPath(dirname(file))
    return { from, bytes, ...held }
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw isThere(file)
    if (error instanceof CliError) throw error
    if (error instanceof StoreError) throw new CliError(error.message, { exitCode: exit.failed, cause: error })
    if (errorCode(error) === 'ENOENT' && !(await exists(dirname(file)))) throw hasNoDirectory(file, error)
    const reason = (error instanceof Error ? error.message : String(error)).replaceAll(partial, file)
    throw new CliError(`${file} could not be written: ${reason}`, { exitCode: exit.failed, cause: error })
  } finally {
    await rm(partial, { force: true })
  }
}

/** What backups to this file that were killed have left: those of processes that are there may be at work. */
async function removeLeftovers(file: string): Promise<void> {
  const prefix = `.${basename(file)}.`
  for (const name of await readdir(dirname(file))) {
    const pid = name.startsWith(prefix) ? /^(\d+)\.partial$/.exec(name.slice(prefix.length))?.[1] : undefined
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(dirname(file), name), { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return errorCode(error) !== 'ESRCH'
  }
}

/** Through the daemon if one answers, else straight from the state directory, if there is one that nobody uses. */
async function fill(partial: string, { options, cli }: { options: Options; cli: Cli }): Promise<string> {
  try {
    await withDaemon(options, {
      cli,
      ask: async (client) => {
        const { size, body } = await client.backup()
        await pipeline(body, createWriteStream(partial))
        const { size: arrived } = await stat(partial)
        if (arrived !== size)
          throw new CliError(`the daemon sent ${arrived} of ${size} bytes: try again`, { exitCode: exit.failed })
      },
    })
    return 'the running daemon'
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== exit.notReachable) throw error
    const directory = stateDirectory(options.state, cli.io)
    if (!(await exists(join(directory, 'state.db')))) throw error
    await backUpStopped(directory, partial)
    return `${directory}, no daemon runs`
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch {
    return false
  }
}

function isThere(file: string): CliError {
  return new CliError(`${file} is there already: give another name, or replace it with --force`, {
    exitCode: exit.usage,
  })
}

function hasNoDirectory(file: string, cause: unknown): CliError {
  const directory = dirname(file)
  const message = `there is no directory ${directory}: make it (mkdir -p ${directory}), or give another name`
  return new CliError(message, { exitCode: exit.failed, cause })
}
