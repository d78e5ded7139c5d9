import type { DeliveriesView, DeliveryView, RefusalView } from './api.ts'
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
import { refLabel, shortRevision, when } from './show-deployment.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { oneLine, shorten } from './text.ts'

type Options = ShowOptions & { webhook?: string; app?: string; limit: number; before?: number }

export const addDeliveries: AddCommand = (program, cli) => {
  program
    .command('deliveries')
    .summary('what arrived at the webhooks, and what was refused')
    .description(
      'Lists the deliveries, newest first, and the latest requests that were refused (those are not stored).',
    )
    .option('--webhook <name>', 'of this webhook only')
    .option('--app <name>', 'that reached this app, wanted or not')
    .option('--limit <number>', 'how many', parseLimit, 20)
    .option('--before <id>', 'older than this one', parseId)
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook deliveries --webhook github', 'of one webhook'],
        ['deployhook explain delivery 12', 'why it did or did not deploy'],
      ),
    )
    .action(
      cli.action(({ webhook, app, limit, before, ...options }: Options) =>
        showAnswer(options, {
          cli,
          ask: (client) => client.deliveries({ webhook, app, limit, before }),
          text: deliveriesText,
        }),
      ),
    )
}

function deliveriesText({ deliveries, next, refused }: DeliveriesView, looks: Looks): string {
  const { paint } = looks
  const more = next === null ? [] : [paint.dim(`older ones: deployhook deliveries --before ${next}`)]
  const kept = deliveries.length === 0 ? ['No deliveries.'] : [deliveryTable(deliveries, looks), ...more]
  return [...kept, ...(refused.length === 0 ? [] : ['', refusalTable(refused, looks)])].join('\n')
}

function deliveryTable(deliveries: readonly DeliveryView[], { paint, now }: Looks): string {
  const rows = deliveries.map((delivery) => [
    String(delivery.id),
    oneLine(delivery.webhook),
    oneLine(delivery.event ?? '-'),
    shorten(refLabel(delivery.ref), 40),
    shortRevision(delivery.after),
    resultColour(delivery.result, paint)(oneLine(delivery.result)),
    whatCameOfIt(delivery),
    when(delivery.receivedAt, now),
  ])
  return table(['ID', 'WEBHOOK', 'EVENT', 'REF', 'COMMIT', 'RESULT', '', 'CAME'], rows, { style: paint.dim })
}

function resultColour(result: string, paint: Terminal['paint']): (text: string) => string {
  if (result === 'accepted') return paint.green
  return result === 'malformed' ? paint.red : paint.yellow
}

function whatCameOfIt({ deployments, duplicateOf, reason }: DeliveryView): string {
  if (deployments.length > 0) return deployments.map(({ id, app }) => `${oneLine(app)} ${id}`).join(', ')
  if (duplicateOf !== null) return `of ${duplicateOf}`
  return shorten(oneLine(reason ?? ''), 60)
}

function refusalTable(refused: readonly RefusalView[], { paint, now }: Looks): string {
  const rows = refused.map(({ at, webhook, remoteAddress, reason, providerId }) => [
    when(at, now),
    oneLine(webhook),
    oneLine(remoteAddress),
    paint.red(oneLine(reason)),
    oneLine(providerId ?? '-'),
  ])
  return [
    paint.bold('Refused lately (401)'),
    table(['CAME', 'WEBHOOK', 'FROM', 'REASON', 'CLAIMED ID'], rows, { style: paint.dim }),
    paint.dim('what that means: deployhook explain'),
  ].join('\n')
}
