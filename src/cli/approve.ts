import type { DeploymentView } from './api.ts'
import { wishOf } from './asker.ts'
import {
  examples,
  jsonOption,
  parseId,
  showAnswer,
  socketOption,
  type AddCommand,
  type ShowOptions,
} from './command.ts'
import { cureOf } from './gate-text.ts'
import { naming, refLabel, shortRevision } from './show-deployment.ts'
import { oneLine } from './text.ts'

export const addApprove: AddCommand = (program, cli) => {
  program
    .command('approve')
    .summary('let a deployment start that waits for approval')
    .description(
      'Of an app with approve: true, lets one queued deployment start; the commit that was pushed is deployed, and no other. A newer push takes its place and needs an approval of its own.',
    )
    .argument('<id>', 'the deployment', parseId)
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText('after', examples(['deployhook approve 12 && deployhook logs -f 12', 'and see it run']))
    .action(
      cli.action((id: number, options: ShowOptions) =>
        showAnswer(options, {
          cli,
          ask: async (client) => ({ deployment: await client.approve(id, wishOf(cli.io)) }),
          text: ({ deployment }) => approvedText(deployment),
        }),
      ),
    )
}

function approvedText(deployment: DeploymentView): string {
  const { id, exact, requestedRevision, revision, ref, message } = deployment
  const what = exact || revision !== null ? shortRevision(revision ?? requestedRevision) : `the tip of ${refLabel(ref)}`
  const approved = `${naming(deployment)} is approved: ${what}`
  if (message !== null) return `${approved}. ${oneLine(message)}`
  const cure = cureOf(deployment)
  return cure === null ? `${approved}; see it run: deployhook logs -f ${id}` : `${approved}; it still waits (${cure})`
}
