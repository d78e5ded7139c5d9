import { exit } from './cli-error.ts'
import { examples, socketOption, withDaemon, type AddCommand, type DaemonOptions } from './command.ts'
import { harmless } from './text.ts'

export const addReload: AddCommand = (program, cli) => {
  program
    .command('reload')
    .summary('read deploy.yml again')
    .description(
      'Makes the daemon read deploy.yml again. A file with problems is refused: the last good one stays in use.',
    )
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook reload', 'also: systemctl reload deployhook'],
        ['deployhook check && deployhook reload', 'look first'],
      ),
    )
    .action(
      cli.action(async (options: DaemonOptions) => {
        const reloaded = await withDaemon(options, { cli, ask: (client) => client.reload() })
        const { print, warn, paint } = cli.terminal
        if (reloaded.result === 'refused') {
          for (const problem of reloaded.problems) await warn(harmless(problem))
          await warn('deploy.yml has problems: the last good map stays in use')
          return exit.failed
        }
        for (const warning of reloaded.warnings) await warn(`warning: ${harmless(warning)}`)
        await print(paint.green('reloaded'))
        return exit.done
      }),
    )
}
