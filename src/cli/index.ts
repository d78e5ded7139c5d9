import { Command, CommanderError } from 'commander'
import { addApprove } from './approve.ts'
import { addApps } from './apps.ts'
import { addBackup } from './backup.ts'
import { addCancel } from './cancel.ts'
import { addCheck } from './check.ts'
import { CliError, exit } from './cli-error.ts'
import type { AddCommand, Cli } from './command.ts'
import { addDeliveries } from './deliveries.ts'
import { addDeploy } from './deploy.ts'
import { addDeployments } from './deployments.ts'
import { addExplain } from './explain.ts'
import { addFreeze } from './freeze.ts'
import { addHold } from './hold.ts'
import type { CliIo } from './io.ts'
import { addLogs } from './logs.ts'
import { addReleases } from './releases.ts'
import { addReload } from './reload.ts'
import { addReplay } from './replay.ts'
import { addReport } from './report.ts'
import { addRetry } from './retry.ts'
import { addRollback } from './rollback.ts'
import { addSend } from './send.ts'
import { addServe } from './serve.ts'
import { addShow } from './show.ts'
import { addSimulate } from './simulate.ts'
import { addStatus } from './status.ts'
import { createTerminal, hasColours } from './terminal.ts'
import { addToken } from './token.ts'
import { addUnfreeze } from './unfreeze.ts'
import { addUnhold } from './unhold.ts'
import { addWebhooks } from './webhooks.ts'

/** Every command, in the order of `--help`. */
const commands: readonly AddCommand[] = [
  addServe,
  addCheck,
  addStatus,
  addReload,
  addApps,
  addDeployments,
  addShow,
  addLogs,
  addDeploy,
  addRollback,
  addReleases,
  addRetry,
  addCancel,
  addApprove,
  addHold,
  addUnhold,
  addFreeze,
  addUnfreeze,
  addWebhooks,
  addDeliveries,
  addReplay,
  addReport,
  addExplain,
  addSimulate,
  addSend,
  addToken,
  addBackup,
]

/**
 * Runs one command (`argv` without node and script) and resolves to its exit code: 0 done, 1 failed, 2 usage, 3 daemon
 * not reachable, 78 `serve` cannot start, 130 left by Ctrl-C. Rejects only for what is a bug.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const terminal = createTerminal(io)
  let exitCode: number = exit.done
  const program = createProgram(io)
  const cli: Cli = {
    io,
    terminal,
    action:
      (run) =>
      async (...given) => {
        exitCode = await run(...given)
      },
  }
  for (const add of commands) add(program, cli)

  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage
    if (!(error instanceof CliError)) throw error
    await terminal.warn(`deployhook: ${error.message}`)
    return error.exitCode
  }
}

function createProgram({ version, stdout, stderr, env }: CliIo): Command {
  return new Command('deployhook')
    .description('A push to main, verified, becomes exactly one deploy of a known commit.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', outline)
    .showHelpAfterError('(see --help)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text, () => undefined),
      writeErr: (text) => stderr.write(text, () => undefined),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => hasColours(stdout, env),
      getErrHasColors: () => hasColours(stderr, env),
    })
}

const outline = `
Where to start:
  deployhook check           is deploy.yml right?
  deployhook serve           run the daemon
  deployhook deploy blog     deploy by hand, and watch
  deployhook explain         nothing happens: why?

Exit codes: 0 done (or skipped), 1 failed, 2 wrong usage, 3 the daemon is not reachable, 78 serve cannot start,
130 left by Ctrl-C.
Commands find the daemon by --socket, DEPLOYHOOK_SOCKET, /run/deployhook/control.sock or the state directory.`
