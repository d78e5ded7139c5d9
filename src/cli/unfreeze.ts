import type { UnfrozenView } from './api.ts'
import { wishOf } from './asker.ts'
import { exit } from './cli-error.ts'
import { examples, jsonOption, socketOption, withDaemon, type AddCommand, type ShowOptions } from './command.ts'
import { scopeOf } from './freeze.ts'
import { nextText } from './gate-text.ts'
import { oneLine } from './text.ts'

export const addUnfreeze: AddCommand = (program, cli) => {
  program
    .command('unfreeze')
    .summary('end a freeze: the newest of each app is deployed')
    .description(
      `Ends the freeze of one app, or the one of all; each ends only its own. Exit code ${exit.failed}: the app is frozen still, with all others.`,
    )
    .argument('[app]', 'its name in deploy.yml')
    .option('--all', 'the freeze of all apps')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText('after', examples(['deployhook unfreeze --all', 'what waits is deployed']))
    .action(
      cli.action(async (app: string | undefined, { all, ...options }: ShowOptions & { readonly all?: true }) => {
        const scope = scopeOf(app, all)
        const { terminal, io } = cli
        const answer = await withDaemon(options, {
          cli,
          ask: (client) => client.unfreeze(scope, wishOf(io)),
        })
        if (options.json) await terminal.printJson(answer)
        else await terminal.print(unfrozenText(answer, io.clock.now()))
        return answer.app?.frozen == null ? exit.done : exit.failed
      }),
    )
}

function unfrozenText({ ended, app }: UnfrozenView, now: Date): string {
  if (app === undefined)
    return ended === null
      ? 'There was no freeze of all apps (those of single ones: deployhook status).'
      : 'There is no freeze of all apps any more: what waits is deployed, but for apps that are frozen or held on their own (deployhook status).'
  const name = oneLine(app.name)
  if (app.frozen !== null) return nextText(app, now)
  return `${ended === null ? `${name} was not frozen.` : `${name} is not frozen any more.`}\n${nextText(app, now)}`
}
