import type { ReplayView } from './api.ts'
import { exit } from './cli-error.ts'
import type { Client } from './client.ts'
import {
  examples,
  jsonOption,
  parseId,
  socketOption,
  withDaemon,
  type AddCommand,
  type Cli,
  type DaemonOptions,
} from './command.ts'
import { oneLine } from './text.ts'
import { watch, type WatchOptions } from './watch.ts'

export const addReplay: AddCommand = (program, cli) => {
  program
    .command('replay')
    .summary('judge a kept delivery again')
    .description(
      'Reads a kept delivery once more, by deploy.yml as it is now, and follows what it deploys: for one that came before\ndeploy.yml was right. It is not judged a duplicate.',
    )
    .argument('<delivery>', 'its id, as `deployhook deliveries` shows it', parseId)
    .option('--no-wait', 'do not follow, only queue it')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook replay 12', 'and watch what it deploys'],
        ['deployhook replay 12 --json', 'what became of it, for programs'],
      ),
    )
    .action(
      cli.action((id: number, options: DaemonOptions & WatchOptions) =>
        withDaemon(options, {
          cli,
          ask: async (client) => {
            const replay = await client.replay(id)
            return options.json ? printAnswer(replay, cli) : tell(replay, { client, cli, wait: options.wait })
          },
        }),
      ),
    )
}

/** One object and no following: a delivery may have made several deployments. */
async function printAnswer(replay: ReplayView, { terminal }: Cli): Promise<number> {
  await terminal.printJson(replay)
  return exit.done
}

async function tell(
  { delivery, result, reason, deployments = [], ignored }: ReplayView,
  { client, cli, wait }: { readonly client: Client; readonly cli: Cli; readonly wait: boolean },
): Promise<number> {
  const { terminal } = cli
  if (deployments.length === 0) {
    const why = reason === undefined ? '' : ` (${oneLine(reason)})`
    await terminal.print(
      `delivery ${delivery} is ${oneLine(result)}${why}: nothing to deploy\nsee: deployhook explain delivery ${delivery}`,
    )
    return exit.done
  }
  for (const { app, reason: not } of ignored) await terminal.warn(`${oneLine(app)} does not want it: ${oneLine(not)}`)
  let worst: number = exit.done
  for (const { id } of deployments) {
    const code = await watch(await client.deployment(id), { client, cli, wait })
    if (code === exit.interrupted) return code
    worst = Math.max(worst, code)
  }
  return worst
}
