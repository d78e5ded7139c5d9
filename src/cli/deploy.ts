import { branchRef } from '../model/ref.ts'
import { CliError, exit } from './cli-error.ts'
import { examples, jsonOption, socketOption, withDaemon, type AddCommand, type DaemonOptions } from './command.ts'
import { watch, type WatchOptions } from './watch.ts'

export const addDeploy: AddCommand = (program, cli) => {
  program
    .command('deploy')
    .summary("deploy the tip of an app's branch now")
    .description(
      `Deploys the tip of an app's branch and follows the log. Exit code ${exit.done}: it is live; ${exit.failed}: it is not. ` +
        'What was queued of the app is superseded; if this one is, its successor is followed.',
    )
    .argument('<app>', 'its name in deploy.yml')
    .option('--branch <name>', 'this branch, of an app that deploys several')
    .option('--tag <name>', 'this tag, of an app that deploys tags')
    .option('--adopt', 'take over a directory that already holds other files (collisions are saved first)')
    .option('--no-wait', 'do not follow, only queue it')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook deploy blog', 'and watch it'],
        ['deployhook deploy blog --no-wait', 'from a script that has other things to do'],
        ['deployhook deploy blog --tag v1.2', 'an app that deploys tags'],
        ['deployhook deploy blog --adopt', 'the first time, into a directory with files'],
      ),
    )
    .action(
      cli.action((app: string, options: DaemonOptions & WatchOptions & RefOptions & { adopt?: boolean }) => {
        const { wait, json, adopt = false } = options
        const ref = refOf(options)
        return withDaemon(options, {
          cli,
          ask: async (client) =>
            watch(await client.deploy(app, ref === null ? { adopt } : { adopt, ref }), {
              client,
              cli,
              wait,
              json: json === true,
            }),
        })
      }),
    )
}

type RefOptions = { readonly branch?: string; readonly tag?: string }

function refOf({ branch, tag }: RefOptions): string | null {
  if (branch !== undefined && tag !== undefined)
    throw new CliError('give --branch or --tag, not both', { exitCode: exit.usage })
  if (tag !== undefined) return `refs/tags/${tag}`
  return branch === undefined ? null : branchRef(branch)
}
