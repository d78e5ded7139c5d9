import { Option } from 'commander'
import { outcomes, states } from '../model/deployment.ts'
import type { DeploymentsView } from './api.ts'
import { exit } from './cli-error.ts'
import {
  examples,
  jsonOption,
  parseId,
  parseLimit,
  socketOption,
  withDaemon,
  type AddCommand,
  type DaemonOptions,
} from './command.ts'
import { shortRevision, standing, took, when } from './show-deployment.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { oneLine, shorten } from './text.ts'

type Options = DaemonOptions & { app?: string; state?: string; limit: number; before?: number; json?: boolean }

export const addDeployments: AddCommand = (program, cli) => {
  program
    .command('deployments')
    .summary('the deployments, newest first')
    .description('Lists deployments, newest first: queued, running and done.')
    .option('--app <name>', 'of this app only')
    .addOption(new Option('--state <state>', 'that stand so or ended so').choices([...states, ...outcomes]))
    .option('--limit <number>', 'how many', parseLimit, 20)
    .option('--before <id>', 'older than this one', parseId)
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook deployments --app blog', 'the history of one app'],
        ['deployhook deployments --state queued', 'what waits'],
        ['deployhook deployments --state failed', 'what went wrong'],
      ),
    )
    .action(
      cli.action(async ({ app, state, limit, before, ...options }: Options) => {
        const query = { app, state, limit, before }
        const answer = await withDaemon(options, { cli, ask: (client) => client.deployments(query) })
        const { terminal, io } = cli
        if (options.json) await terminal.printJson(answer)
        else await terminal.print(deploymentsText(answer, { paint: terminal.paint, now: io.clock.now() }))
        return exit.done
      }),
    )
}

type Looks = { readonly paint: Terminal['paint']; readonly now: Date }

function deploymentsText({ deployments, next }: DeploymentsView, { paint, now }: Looks): string {
  if (deployments.length === 0) return 'No deployments.'
  const rows = deployments.map((deployment) => [
    String(deployment.id),
    oneLine(deployment.app),
    standing(deployment, paint),
    shortRevision(deployment.revision ?? deployment.requestedRevision),
    oneLine(deployment.trigger),
    when(deployment.queuedAt, now),
    took(deployment, now),
    shorten(oneLine(deployment.message ?? deployment.reason ?? ''), 80),
  ])
  const head = ['ID', 'APP', 'STATE', 'COMMIT', 'BY', 'ASKED FOR', 'TOOK', '']
  const more = next === null ? [] : [paint.dim(`older ones: deployhook deployments --before ${next}`)]
  return [table(head, rows, { style: paint.dim }), ...more].join('\n')
}
