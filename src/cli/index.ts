import { Command, CommanderError } from 'commander'
import { CliError, exit } from './cli-error.ts'
import type { AddCommand, Cli } from './command.ts'
import type { CliIo } from './io.ts'
import { createTerminal, hasColours } from './terminal.ts'

/** Every command by its name, in the order of `--help`; each is loaded when it is asked for. */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  serve: async () => (await import('./serve.ts')).addServe,
  init: async () => (await import('./init.ts')).addInit,
  check: async () => (await import('./check.ts')).addCheck,
  status: async () => (await import('./status.ts')).addStatus,
  reload: async () => (await import('./reload.ts')).addReload,
  apps: async () => (await import('./apps.ts')).addApps,
  deployments: async () => (await import('./deployments.ts')).addDeployments,
  show: async () => (await import('./show.ts')).addShow,
  logs: async () => (await import('./logs.ts')).addLogs,
  deploy: async () => (await import('./deploy.ts')).addDeploy,
  rollback: async () => (await import('./rollback.ts')).addRollback,
  releases: async () => (await import('./releases.ts')).addReleases,
  retry: async () => (await import('./retry.ts')).addRetry,
  cancel: async () => (await import('./cancel.ts')).addCancel,
  approve: async () => (await import('./approve.ts')).addApprove,
  hold: async () => (await import('./hold.ts')).addHold,
  unhold: async () => (await import('./unhold.ts')).addUnhold,
  freeze: async () => (await import('./freeze.ts')).addFreeze,
  unfreeze: async () => (await import('./unfreeze.ts')).addUnfreeze,
  webhooks: async () => (await import('./webhooks.ts')).addWebhooks,
  deliveries: async () => (await import('./deliveries.ts')).addDeliveries,
  replay: async () => (await import('./replay.ts')).addReplay,
  report: async () => (await import('./report.ts')).addReport,
  explain: async () => (await import('./explain.ts')).addExplain,
  simulate: async () => (await import('./simulate.ts')).addSimulate,
  send: async () => (await import('./send.ts')).addSend,
  token: async () => (await import('./token.ts')).addToken,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  backup: async () => (await import('./backup.ts')).addBackup,
  completion: async () => (await import('./completion.ts')).addCompletion,
  complete: async () => (await import('./complete.ts')).addComplete,
  version: async () => (await import('./version.ts')).addVersion,
}

/** What can only be done with all the others there. */
const aboutAll = ['completion']

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
  for (const load of wantedOf(argv)) (await load())(program, cli)

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

/** The one that is named; all of them for whoever looks around, or mistypes. */
function wantedOf([name = '']: readonly string[]): readonly (() => Promise<AddCommand>)[] {
  const named = Object.hasOwn(commands, name) && !aboutAll.includes(name) ? commands[name] : undefined
  return named === undefined ? Object.values(commands) : [named]
}

/** With every command, for whoever describes them: the man page. */
export async function wholeProgram(io: CliIo): Promise<Command> {
  const program = createProgram(io)
  const cli: Cli = { io, terminal: createTerminal(io), action: () => () => Promise.resolve() }
  for (const load of Object.values(commands)) (await load())(program, cli)
  return program
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
  deployhook init            make a deploy.yml, with a secret and what the git host's form wants
  deployhook check           is deploy.yml right?
  deployhook serve           run the daemon
  deployhook deploy blog     deploy by hand, and watch
  deployhook explain         nothing happens: why?
  deployhook doctor          something is wrong: what, and the cure

Exit codes: 0 done (or skipped), 1 failed, 2 wrong usage, 3 the daemon is not reachable, 78 serve cannot start,
130 left by Ctrl-C.
Commands find the daemon by --socket, DEPLOYHOOK_SOCKET, /run/deployhook/control.sock or the state directory.`
