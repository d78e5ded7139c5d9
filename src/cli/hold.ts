import { wishOf } from './asker.ts'
import { examples, jsonOption, showAnswer, socketOption, type AddCommand, type ShowOptions } from './command.ts'
import { heldText } from './gate-text.ts'

export const addHold: AddCommand = (program, cli) => {
  program
    .command('hold')
    .summary('keep an app at what is live')
    .description(
      'Keeps an app at what is live: pushes are kept and wait, until deployhook unhold or a deployment of the tip by a person. What runs goes on.',
    )
    .argument('<app>', 'its name in deploy.yml')
    .option('--reason <text>', 'why, for whoever finds the app held')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText('after', examples(['deployhook hold blog --reason "demo at noon"', 'pushes wait']))
    .action(
      cli.action((app: string, { reason, ...options }: ShowOptions & { readonly reason?: string }) =>
        showAnswer(options, {
          cli,
          ask: (client) => client.hold(app, wishOf(cli.io, reason)),
          text: ({ held }, { now }) => heldText(app, held, now),
        }),
      ),
    )
}
