import { wishOf } from './asker.ts'
import { exit } from './cli-error.ts'
import { examples, jsonOption, socketOption, withDaemon, type AddCommand, type DaemonOptions } from './command.ts'
import { watch, type WatchOptions } from './watch.ts'

export const addRollback: AddCommand = (program, cli) => {
  program
    .command('rollback')
    .summary('go back to what was live before')
    .description(
      `Makes an earlier release live again, without building, and follows the log; an app that is deployed in place gets the earlier commit and its steps. Exit code ${exit.done}: it is live; ${exit.failed}: it is not. ` +
        'The app is held there until deployhook unhold, or as its hold_after_rollback says, and what it leaves is not deployed again by itself.',
    )
    .argument('<app>', 'its name in deploy.yml')
    .option('--to <version>', 'a release, or a commit that was live before (default: the good one before this)')
    .option('--reason <text>', 'why, for whoever finds the app held')
    .option('--force', 'although the app is frozen')
    .option('--no-wait', 'do not follow, only queue it')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook rollback blog --reason "checkout is broken"', 'and watch it'],
        ['deployhook rollback blog --to 1a2b3c4', 'to a commit; deployhook releases blog shows which are there'],
      ),
    )
    .action(
      cli.action((app: string, options: Options) => {
        const { to, force, reason, wait, json } = options
        const wish = {
          ...(to === undefined ? {} : { to }),
          ...(force === undefined ? {} : { force }),
          ...wishOf(cli.io, reason),
        }
        return withDaemon(options, {
          cli,
          ask: async (client) => watch(await client.rollback(app, wish), { client, cli, wait, json: json === true }),
        })
      }),
    )
}

type Options = DaemonOptions & WatchOptions & { readonly to?: string; readonly force?: true; readonly reason?: string }
