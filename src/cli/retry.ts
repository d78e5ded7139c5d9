import { wishOf } from './asker.ts'
import {
  examples,
  jsonOption,
  parseId,
  socketOption,
  withDaemon,
  type AddCommand,
  type DaemonOptions,
} from './command.ts'
import { watch, type WatchOptions } from './watch.ts'

export const addRetry: AddCommand = (program, cli) => {
  program
    .command('retry')
    .summary('deploy again what has ended')
    .description(
      "Makes a new deployment for the app of one that has ended, and follows it. It takes the branch's tip, so it never goes back.",
    )
    .argument('<id>', 'the deployment that has ended', parseId)
    .option('--no-wait', 'do not follow, only queue it')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText('after', examples(['deployhook retry 12', 'and watch it']))
    .action(
      cli.action((id: number, options: DaemonOptions & WatchOptions) => {
        const { wait, json } = options
        return withDaemon(options, {
          cli,
          ask: async (client) =>
            watch(await client.retry(id, wishOf(cli.io)), { client, cli, wait, json: json === true }),
        })
      }),
    )
}
