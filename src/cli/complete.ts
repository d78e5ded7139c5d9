import { Argument } from 'commander'
import { setTimeout as pause } from 'node:timers/promises'
import { CliError, exit } from './cli-error.ts'
import { socketOption, withDaemon, type AddCommand, type Cli, type DaemonOptions } from './command.ts'
import { nameKinds, namesOf, type Name, type NameKind } from './completion/names.ts'
import { oneLine } from './text.ts'

/** Nobody waits longer for a completion. */
const patienceMs = 1_000

/** What the scripts of `deployhook completion` call while somebody types. */
export const addComplete: AddCommand = (program, cli) => {
  program
    .command('complete', { hidden: true })
    .description(
      'For completion scripts: prints names that the daemon knows, a line each, with a tab and a few words. ' +
        'Prints nothing, and never fails, when no daemon answers at once.',
    )
    .addArgument(new Argument('<kind...>', 'of which names').choices(nameKinds))
    .addOption(socketOption())
    .action(
      cli.action(async (kinds: readonly NameKind[], options: DaemonOptions) => {
        for (const { name, meaning } of await askQuickly(kinds, { options, cli }))
          await cli.terminal.print(`${oneLine(name)}\t${oneLine(meaning)}`)
        return exit.done
      }),
    )
}

async function askQuickly(
  kinds: readonly NameKind[],
  { options, cli }: { readonly options: DaemonOptions; readonly cli: Cli },
): Promise<readonly Name[]> {
  try {
    return await withDaemon(options, {
      cli,
      ask: async (client) => {
        const asked = Promise.all(kinds.map((kind) => namesOf[kind](client)))
        const gaveUp = pause(patienceMs, [], { ref: false })
        return (await Promise.race([asked, gaveUp])).flat()
      },
    })
  } catch (error) {
    if (error instanceof CliError) return []
    throw error
  }
}
