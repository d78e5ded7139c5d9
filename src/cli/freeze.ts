import { wishOf } from './asker.ts'
import { CliError, exit } from './cli-error.ts'
import { examples, jsonOption, showAnswer, socketOption, type AddCommand, type ShowOptions } from './command.ts'
import { frozenText } from './gate-text.ts'

export const addFreeze: AddCommand = (program, cli) => {
  program
    .command('freeze')
    .summary('start nothing for a while, of one app or of all')
    .description(
      'Pushes are kept and the newest of each app waits; what people ask for waits, too, but for --force. What runs goes on. Ends with deployhook unfreeze, or by itself at --until.',
    )
    .argument('[app]', 'its name in deploy.yml')
    .option('--all', 'all apps, also those that deploy.yml gets meanwhile')
    .option('--until <when>', 'a time (2026-12-01T08:00:00Z) or how long (2h, 1d12h)')
    .option('--reason <text>', 'why, for whoever waits')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook freeze --all --until 2h --reason "database moves"', 'everything'],
        ['deployhook freeze blog', 'one app, until deployhook unfreeze blog'],
      ),
    )
    .action(
      cli.action((app: string | undefined, { all, until, reason, ...options }: Options) => {
        const scope = scopeOf(app, all)
        const wish = { ...(until === undefined ? {} : { until }), ...wishOf(cli.io, reason) }
        return showAnswer(options, {
          cli,
          ask: (client) => client.freeze(scope, wish),
          text: ({ frozen }, { now }) => frozenText(frozen, now),
        })
      }),
    )
}

type Options = ShowOptions & { readonly all?: true; readonly until?: string; readonly reason?: string }

/** null: all apps. */
export function scopeOf(app: string | undefined, all: true | undefined): string | null {
  if ((app === undefined) === (all === undefined))
    throw new CliError('give the name of an app or --all, one of them', { exitCode: exit.usage })
  return app ?? null
}
