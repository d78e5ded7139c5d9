import { exit } from './cli-error.ts'
import {
  examples,
  parseId,
  jsonOption,
  socketOption,
  withDaemon,
  type AddCommand,
  type DaemonOptions,
} from './command.ts'
import { naming } from './show-deployment.ts'

export const addCancel: AddCommand = (program, cli) => {
  program
    .command('cancel')
    .summary('end a queued or running deployment')
    .description(
      'Takes a deployment out of the queue, or ends its running step: SIGTERM to all of its processes, SIGKILL after 10 s.',
    )
    .argument('<id>', 'the deployment', parseId)
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook cancel 12', 'queued or running'],
        ['deployhook cancel 12 && deployhook logs -f 12', 'and see it end'],
      ),
    )
    .action(
      cli.action(async (id: number, options: DaemonOptions & { json?: boolean }) => {
        const deployment = await withDaemon(options, { cli, ask: (client) => client.cancel(id) })
        const { terminal } = cli
        if (options.json) await terminal.printJson({ deployment })
        else {
          const ended = deployment.state === 'done'
          await terminal.print(
            `${naming(deployment)} ${ended ? 'is cancelled' : `is being ended; see it end: deployhook logs -f ${id}`}`,
          )
        }
        return exit.done
      }),
    )
}
