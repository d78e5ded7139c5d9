import type { UnheldView } from './api.ts'
import { wishOf } from './asker.ts'
import { examples, jsonOption, showAnswer, socketOption, type AddCommand, type ShowOptions } from './command.ts'
import { nextText } from './gate-text.ts'
import { shortRevision } from './show-deployment.ts'
import { oneLine } from './text.ts'

export const addUnhold: AddCommand = (program, cli) => {
  program
    .command('unhold')
    .summary('let an app follow its branch again')
    .description(
      'Ends the hold of an app: what waits is deployed, and catch-up asks for what was pushed meanwhile. A commit that was rolled back stays out: a newer push or deployhook deploy --force ends that.',
    )
    .argument('<app>', 'its name in deploy.yml')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText('after', examples(['deployhook unhold blog', 'the newest goes live']))
    .action(
      cli.action((app: string, options: ShowOptions) =>
        showAnswer(options, {
          cli,
          ask: (client) => client.unhold(app, wishOf(cli.io)),
          text: (answer, { now }) => unheldText(answer, now),
        }),
      ),
    )
}

function unheldText({ ended, app, quarantined }: UnheldView, now: Date): string {
  const name = oneLine(app.name)
  const first = ended === null ? `${name} was not held.` : `${name} is not held any more.`
  const keptOut =
    quarantined === null
      ? []
      : [
          `${shortRevision(quarantined.revision)} was rolled back and is not deployed again by itself: a newer push is, or deploy it all the same with: deployhook deploy ${name} --force`,
        ]
  return [first, nextText(app, now), ...keptOut].join('\n')
}
