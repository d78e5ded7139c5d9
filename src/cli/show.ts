import type { AppView, DeploymentView } from './api.ts'
import {
  examples,
  jsonOption,
  parseId,
  showAnswer,
  socketOption,
  type AddCommand,
  type Looks,
  type ShowOptions,
} from './command.ts'
import { waitText } from './gate-text.ts'
import { naming, refLabel, standing, took, when } from './show-deployment.ts'
import { facts, table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { oneLine, shorten } from './text.ts'

export const addShow: AddCommand = (program, cli) => {
  program
    .command('show')
    .summary('one deployment and its steps')
    .description('Shows one deployment: what was asked for, what was deployed, how each step went and what came of it.')
    .argument('<id>', 'the deployment', parseId)
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText('after', examples(['deployhook show 12', 'facts'], ['deployhook explain 12', 'the same in words']))
    .action(
      cli.action((id: number, options: ShowOptions) => {
        let app: AppView | undefined
        return showAnswer(options, {
          cli,
          ask: async (client) => {
            const deployment = await client.deployment(id)
            if (isKeptBack(deployment)) app = (await client.apps()).apps.find(({ name }) => name === deployment.app)
            return deployment
          },
          text: (deployment, looks) => deploymentText(deployment, { app, ...looks }),
        })
      }),
    )
}

function isKeptBack({ waitingFor }: DeploymentView): boolean {
  return waitingFor === 'hold' || waitingFor === 'freeze'
}

function deploymentText(
  deployment: DeploymentView,
  { app, paint, now }: Looks & { readonly app: AppView | undefined },
): string {
  const { id, requestedRevision, revision, ref, trigger, delivery, attempts, supersededBy, message, reason } =
    deployment
  const { askedBy, note, approvedAt, approvedBy } = deployment
  const why = message ?? reason
  const pairs: [string, string][] = [
    ['asked for', `${when(deployment.queuedAt, now)} (${oneLine(deployment.queuedAt)}), by ${oneLine(trigger)}`],
    ['branch', refLabel(ref)],
    [
      'commit',
      oneLine(
        revision ?? (requestedRevision === null ? 'the tip, not known yet' : `${requestedRevision} was asked for`),
      ),
    ],
    ['took', took(deployment, now)],
  ]
  if (revision !== null && requestedRevision !== null && requestedRevision !== revision) {
    const why = ref.startsWith('refs/tags/') ? 'the tag leads to the commit' : 'the tip had moved on'
    pairs.push(['pushed', `${oneLine(requestedRevision)}; ${why}`])
  }
  const waits = waitText(deployment, app, now)
  if (waits !== null) pairs.push(['waits for', waits])
  if (askedBy !== null || note !== null)
    pairs.push(['wanted by', [askedBy ?? 'somebody', ...(note === null ? [] : [note])].map(oneLine).join(': ')])
  if (approvedAt !== null)
    pairs.push(['approved', `${when(approvedAt, now)}${approvedBy === null ? '' : `, by ${oneLine(approvedBy)}`}`])
  if (delivery !== null) pairs.push(['delivery', String(delivery)])
  if (attempts > 1) pairs.push(['attempts', String(attempts)])
  if (supersededBy !== null) pairs.push(['superseded by', String(supersededBy)])
  if (why !== null) pairs.push(['because', oneLine(why)])
  return [
    `${paint.bold(naming(deployment))}: ${standing(deployment, paint)}`,
    facts(pairs, paint.dim),
    ...stepLines(deployment, { paint, now }),
    '',
    paint.dim(`the log: deployhook logs ${id}   in words: deployhook explain ${id}`),
  ].join('\n')
}

function stepLines({ steps, state, attempts }: DeploymentView, { paint, now }: Looks): readonly string[] {
  if (steps.length === 0) return []
  const rows = steps.map(({ name, attempt, exitCode, signal, startedAt, finishedAt }) => {
    const isCutOff = finishedAt === null && (state !== 'running' || attempt < attempts)
    return [
      String(attempt),
      shorten(oneLine(name), 60),
      isCutOff ? paint.red('interrupted') : ending({ exitCode, signal, finishedAt }, paint),
      isCutOff ? '-' : took({ startedAt, finishedAt }, now),
    ]
  })
  return ['', table(['ATTEMPT', 'STEP', 'END', 'TOOK'], rows, { style: paint.dim })]
}

function ending(
  { exitCode, signal, finishedAt }: Pick<DeploymentView['steps'][number], 'exitCode' | 'signal' | 'finishedAt'>,
  paint: Terminal['paint'],
): string {
  if (finishedAt === null) return paint.cyan('running')
  if (signal !== null) return paint.red(oneLine(signal))
  if (exitCode === null) return paint.red('not ended by itself')
  return exitCode === 0 ? paint.green('exit 0') : paint.red(`exit ${exitCode}`)
}
