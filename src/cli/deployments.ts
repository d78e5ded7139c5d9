import { Option } from 'commander'
import { outcomes, states } from '../model/deployment.ts'
import type { DeploymentsView, DeploymentView } from './api.ts'
import {
  examples,
  jsonOption,
  parseId,
  parseLimit,
  showAnswer,
  socketOption,
  type AddCommand,
  type Looks,
  type ShowOptions,
} from './command.ts'
import { cureOf } from './gate-text.ts'
import { shortRevision, standing, took, when } from './show-deployment.ts'
import { table } from './table.ts'
import { oneLine, shorten } from './text.ts'

type Options = ShowOptions & { app?: string; state?: string; limit: number; before?: number }

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
      cli.action(({ app, state, limit, before, ...options }: Options) =>
        showAnswer(options, {
          cli,
          ask: (client) => client.deployments({ app, state, limit, before }),
          text: deploymentsText,
        }),
      ),
    )
}

function deploymentsText({ deployments, next }: DeploymentsView, { paint, now }: Looks): string {
  if (deployments.length === 0) return 'No deployments.'
  const rows = deployments.map((deployment) => [
    String(deployment.id),
    oneLine(deployment.app),
    standing(deployment, paint),
    shortRevision(deployment.revision ?? deployment.requestedRevision),
    askedFor(deployment),
    when(deployment.queuedAt, now),
    took(deployment, now),
    shorten(oneLine(deployment.message ?? deployment.reason ?? cureOf(deployment) ?? ''), 80),
  ])
  const head = ['ID', 'APP', 'STATE', 'COMMIT', 'BY', 'ASKED FOR', 'TOOK', '']
  const more = next === null ? [] : [paint.dim(`older ones: deployhook deployments --before ${next}`)]
  return [table(head, rows, { style: paint.dim }), ...more].join('\n')
}

/** `rollback, alice`: what asked for it, and who. */
function askedFor({ trigger, askedBy }: DeploymentView): string {
  return oneLine(askedBy === null ? trigger : `${trigger}, ${askedBy}`)
}
