import type { WebhookView } from './api.ts'
import {
  examples,
  jsonOption,
  showAnswer,
  socketOption,
  type AddCommand,
  type Looks,
  type ShowOptions,
} from './command.ts'
import { when } from './show-deployment.ts'
import { table } from './table.ts'
import { oneLine } from './text.ts'
import { addHostCommands } from './webhooks/commands.ts'

export const addWebhooks: AddCommand = (program, cli) => {
  const webhooks = program
    .command('webhooks')
    // So that what stands after a name of the commands below belongs to that one.
    .enablePositionalOptions()
    .summary(
      'where deliveries come from, and which secret was last used when; at the git host: create, list, test, rotate',
    )
    .description(
      'Lists the webhooks of deploy.yml: their URL, their last delivery, and when each of their secrets last proved one,\nso that an old secret can be dropped. The commands below do what the form at the git host does, through its API: GitHub, GitLab, Gitea, Forgejo, Bitbucket and Gitee.',
    )
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook webhooks', 'is the old secret still in use?'],
        ['deployhook webhooks create blog --token-file github.token', 'fill in the form at the git host'],
      ),
    )
    .action(
      cli.action((options: ShowOptions) =>
        showAnswer(options, {
          cli,
          ask: (client) => client.webhooks(),
          text: ({ webhooks }, looks) => webhooksText(webhooks, looks),
        }),
      ),
    )
  addHostCommands(webhooks, cli)
}

function webhooksText(webhooks: readonly WebhookView[], { paint, now }: Looks): string {
  if (webhooks.length === 0) return 'deploy.yml has no webhooks: nothing can arrive.'
  const rows = webhooks.map(({ name, provider, path, url, secrets, lastDelivery, refused }) => [
    oneLine(name),
    oneLine(provider),
    oneLine(url ?? path),
    lastDelivery === null
      ? paint.yellow('none yet')
      : `${lastDelivery.id} ${oneLine(lastDelivery.result)}, ${when(lastDelivery.at, now)}`,
    secrets.map(({ number, lastUsedAt }) => `${number}: ${lastUsed(lastUsedAt, now)}`).join(', '),
    refused.count === 0 ? '0' : paint.red(String(refused.count)),
  ])
  const head = ['WEBHOOK', 'PROVIDER', 'URL', 'LAST DELIVERY', 'SECRETS LAST USED', 'REFUSED']
  const hints = webhooks.map(hint).filter((text) => text !== null)
  return [table(head, rows, { style: paint.dim }), ...hints.flatMap((text) => ['', text])].join('\n')
}

function lastUsed(at: string | null, now: Date): string {
  return at === null ? 'never' : when(at, now)
}

/** Of two secrets the first is the new one; what to do with the old one is asked of nobody else. */
function hint({ name, secrets: [young, old] }: WebhookView): string | null {
  if (young === undefined || old === undefined) return null
  const shown = oneLine(name)
  if (young.lastUsedAt === null)
    return `${shown}: the new secret has not been used yet. Enter it at the git host; both are accepted meanwhile.`
  if (old.lastUsedAt !== null && old.lastUsedAt >= young.lastUsedAt)
    return `${shown}: the old secret is still in use. Enter the new one at every place that sends here before you drop it.`
  return `${shown}: the old secret has not been used since the new one was. If nothing else sends here, drop it from deploy.yml.`
}
