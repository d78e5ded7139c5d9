import type { ReporterView, StatusView, WebhookView } from './api.ts'
import {
  examples,
  jsonOption,
  showAnswer,
  socketOption,
  type AddCommand,
  type Looks,
  type ShowOptions,
} from './command.ts'
import { frozenText, heldText } from './gate-text.ts'
import { when } from './show-deployment.ts'
import { facts, table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { harmless, oneLine } from './text.ts'

export const addStatus: AddCommand = (program, cli) => {
  program
    .command('status')
    .summary('what the daemon is doing, and whether deliveries arrive')
    .description('Shows the running daemon: its address, its configuration, its webhooks and its queue.')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(['deployhook status', 'at a glance'], ['deployhook status --json', 'for monitoring scripts']),
    )
    .action(
      cli.action((options: ShowOptions) =>
        showAnswer(options, { cli, ask: (client) => client.status(), text: statusText }),
      ),
    )
}

function statusText(status: StatusView, { paint, now }: Looks): string {
  const { version, startedAt, listen, config, disk, webhooks, reporters } = status
  const { running, queued, maxRunning, draining } = status
  const busy = `${running} running (at most ${maxRunning} at once), ${queued} queued`
  const daemon = facts(
    [
      ['deployhook', `${oneLine(version)}, started ${when(startedAt, now)}`],
      ['listens on', oneLine(listen)],
      ['configuration', `${oneLine(config.file)}, loaded ${when(config.loadedAt, now)}`],
      ['deployments', draining ? `${busy}; ${paint.yellow('shutting down: starts no more')}` : busy],
    ],
    paint.dim,
  )
  const looks = { paint, now }
  return [
    ...[daemon, ...configProblems(config.problems, paint), ...healthProblems(status.health, paint)],
    ...diskProblems(disk, paint),
    ...gates(status, looks),
    ...[...catchUpProblems(status, paint), '', webhookTable(webhooks, looks), ...reporterTable(reporters, looks)],
  ].join('\n')
}

function configProblems(problems: readonly string[], paint: Terminal['paint']): readonly string[] {
  if (problems.length === 0) return []
  const head =
    'The file on disk has problems, so the map from before is still in use (mend it, then: deployhook reload):'
  return ['', paint.red(head), ...problems.map(harmless)]
}

function healthProblems({ reasons, warnings }: StatusView['health'], paint: Terminal['paint']): readonly string[] {
  const stuck = reasons.includes('stuck') ? [paint.red('It makes no progress; its log says why.')] : []
  const clock = warnings.includes('clock_jumped')
    ? [paint.yellow('The clock was set, or stood still, within the last day: times from before may not be comparable.')]
    : []
  return [...stuck, ...clock].flatMap((line) => ['', line])
}

function diskProblems({ problems, stops }: StatusView['disk'], paint: Terminal['paint']): readonly string[] {
  if (problems.length === 0) return []
  const what = stops === 'all' ? 'Nothing is deployed' : `Not deployed: ${stops.map(oneLine).join(', ')}`
  return ['', paint.red(`${what}; what arrives is kept while the database finds room:`), ...problems.map(harmless)]
}

function gates({ held, frozen }: StatusView, { paint, now }: Looks): readonly string[] {
  const lines = [
    ...frozen.map((freeze) => frozenText(freeze, now)),
    ...held.map((hold) => heldText(hold.app, hold, now)),
  ]
  return lines.length === 0 ? [] : ['', ...lines.map(paint.yellow)]
}

function catchUpProblems({ catchUp: { failing } }: StatusView, paint: Terminal['paint']): readonly string[] {
  if (failing.length === 0) return []
  const head =
    'Repositories that do not answer catch-up, so that pushes without a webhook are not noticed, are those of:'
  return ['', paint.red(head), `${failing.map(oneLine).join(', ')} (why: deployhook apps)`]
}

function webhookTable(webhooks: readonly WebhookView[], { paint, now }: Looks): string {
  if (webhooks.length === 0) return 'deploy.yml has no webhooks: nothing can arrive.'
  const rows = webhooks.map(({ name, provider, path, lastDelivery, refused }) => [
    oneLine(name),
    oneLine(provider),
    oneLine(path),
    lastDelivery === null
      ? paint.yellow('none yet')
      : `${lastDelivery.id} ${oneLine(lastDelivery.result)}, ${when(lastDelivery.at, now)}`,
    refused.count === 0 ? '0' : paint.red(String(refused.count)),
  ])
  return table(['WEBHOOK', 'PROVIDER', 'PATH', 'LAST DELIVERY', 'REFUSED'], rows, { style: paint.dim })
}

function reporterTable(reporters: readonly ReporterView[], { paint, now }: Looks): readonly string[] {
  if (reporters.length === 0) return []
  const rows = reporters.map(({ name, kind, pending, dead, lastSentAt, lastError }) => [
    oneLine(name),
    kind === null ? paint.yellow('gone') : oneLine(kind),
    lastSentAt === null ? 'nothing yet' : when(lastSentAt, now),
    String(pending),
    dead === 0 ? '0' : paint.red(String(dead)),
    lastError === null ? '' : paint.yellow(oneLine(lastError)),
  ])
  return ['', table(['REPORTER', 'KIND', 'LAST TOLD', 'WAITING', 'GIVEN UP', 'PROBLEM'], rows, { style: paint.dim })]
}
