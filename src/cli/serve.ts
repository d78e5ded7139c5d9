import { noFile } from './check.ts'
import { CliError, exit } from './cli-error.ts'
import { examples, type AddCommand } from './command.ts'
import { configFile, listenAddress, socketToServe, stateDirectory } from './locations.ts'

type Options = { config?: string; state?: string; listen?: string; socket?: string }

export const addServe: AddCommand = (program, cli) => {
  program
    .command('serve')
    .summary('run the daemon')
    .description(
      'Runs the daemon in the foreground until SIGTERM or Ctrl-C: running deployments end first. SIGHUP reads deploy.yml again.',
    )
    .option('--config <file>', 'deploy.yml (DEPLOYHOOK_CONFIG; default ./deploy.yml, then /etc/deployhook/deploy.yml)')
    .option(
      '--state <dir>',
      'what must outlive a restart (DEPLOYHOOK_STATE, STATE_DIRECTORY; default /var/lib/deployhook for root, else $XDG_STATE_HOME/deployhook)',
    )
    .option('--listen <address>', 'HOST:PORT or unix:/path, instead of server.listen (DEPLOYHOOK_LISTEN)')
    .option(
      '--socket <path>',
      'the control socket (DEPLOYHOOK_SOCKET; default $RUNTIME_DIRECTORY or the state directory)',
    )
    .addHelpText(
      'after',
      examples(
        ['deployhook serve', 'with ./deploy.yml'],
        ['deployhook serve --state .deployhook --listen 127.0.0.1:0', 'to try it, on any free port'],
      ),
    )
    .action(
      cli.action(async ({ config, state, listen, socket }: Options) => {
        const { io, terminal } = cli
        const file = await configFile(config, io)
        if (file === null) throw new CliError(`cannot start: ${noFile}`, { exitCode: exit.cannotStart })
        const directory = stateDirectory(state, io)
        const served = await io.serve({
          configFile: file,
          stateDirectory: directory,
          listen: listenAddress(listen, io),
          socket: socketToServe({ socket, state: directory }, io),
        })
        if (served.kind === 'stopped') return exit.done
        if (served.kind === 'failed') throw new CliError(served.problem, { exitCode: exit.failed })
        await terminal.warn(`deployhook: cannot start: ${served.problem}`)
        return exit.cannotStart
      }),
    )
}
