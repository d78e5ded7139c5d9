import { branchRef } from '../model/ref.ts'
import { wishOf } from './asker.ts'
import { CliError, exit } from './cli-error.ts'
import type { DeployWish } from './client.ts'
import { examples, jsonOption, socketOption, withDaemon, type AddCommand, type DaemonOptions } from './command.ts'
import type { CliIo } from './io.ts'
import { watch, type WatchOptions } from './watch.ts'

export const addDeploy: AddCommand = (program, cli) => {
  program
    .command('deploy')
    .summary("deploy the tip of an app's branch now")
    .description(
      `Deploys the tip of an app's branch and follows the log. Exit code ${exit.done}: it is live, or was skipped for the reason that it tells; ${exit.failed}: it failed. ` +
        'What was queued of the app is superseded; if this one is, its successor is followed. A deployment of the tip that succeeds ends a hold.',
    )
    .argument('<app>', 'its name in deploy.yml')
    .option('--branch <name>', 'this branch, of an app that deploys several')
    .option('--tag <name>', 'this tag, of an app that deploys tags')
    .option('--adopt', 'take over a directory that already holds other files (collisions are saved first)')
    .option('--revision <commit>', 'this commit of the branch instead of its tip, and hold the app there')
    .option('--force', 'although the app is frozen, or the commit was rolled back')
    .option('--reason <text>', 'why, for whoever looks later')
    .option('--no-wait', 'do not follow, only queue it')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook deploy blog', 'and watch it'],
        ['deployhook deploy blog --no-wait', 'from a script that has other things to do'],
        ['deployhook deploy blog --tag v1.2', 'an app that deploys tags'],
        ['deployhook deploy blog --revision 1a2b3c4', 'exactly this commit; pushes wait until deployhook unhold blog'],
        ['deployhook deploy blog --force', 'what was rolled back, once more'],
        ['deployhook deploy blog --adopt', 'the first time, into a directory with files'],
      ),
    )
    .action(
      cli.action((app: string, options: Options) => {
        const { wait, json } = options
        const wish = deployWish(options, cli.io)
        return withDaemon(options, {
          cli,
          ask: async (client) => watch(await client.deploy(app, wish), { client, cli, wait, json: json === true }),
        })
      }),
    )
}

type Options = DaemonOptions &
  WatchOptions & {
    readonly branch?: string
    readonly tag?: string
    readonly revision?: string
    readonly adopt?: true
    readonly force?: true
    readonly reason?: string
  }

function deployWish(options: Options, io: CliIo): DeployWish {
  const { adopt, force, revision, reason } = options
  const ref = refOf(options)
  return {
    ...(adopt === undefined ? {} : { adopt }),
    ...(ref === null ? {} : { ref }),
    ...(revision === undefined ? {} : { revision }),
    ...(force === undefined ? {} : { force }),
    ...wishOf(io, reason),
  }
}

function refOf({ branch, tag }: Options): string | null {
  if (branch !== undefined && tag !== undefined)
    throw new CliError('give --branch or --tag, not both', { exitCode: exit.usage })
  if (tag !== undefined) return `refs/tags/${tag}`
  return branch === undefined ? null : branchRef(branch)
}
