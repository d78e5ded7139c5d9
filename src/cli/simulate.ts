import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { SimulationView } from './api.ts'
import { CliError, exit } from './cli-error.ts'
import {
  examples,
  jsonOption,
  socketOption,
  withDaemon,
  type AddCommand,
  type DaemonOptions,
  type Looks,
} from './command.ts'
import { frozenText, heldText } from './gate-text.ts'
import { parseHeaders } from './headers-file.ts'
import { refLabel, shortRevision } from './show-deployment.ts'
import { facts } from './table.ts'
import type { Terminal } from './terminal.ts'
import { oneLine } from './text.ts'

type PlanView = SimulationView['plans'][number]

type Options = DaemonOptions & {
  readonly webhook: string
  readonly payload: string
  readonly headers?: string
  readonly json?: boolean
}

export const addSimulate: AddCommand = (program, cli) => {
  program
    .command('simulate')
    .summary('what a delivery would bring about, without running anything')
    .description(
      'Hands a payload to the running daemon and tells the plan: which apps would be deployed and which not and why, ' +
        'from which commit, by which steps, what would make way in the queue, and what would keep it back, as if it came for the first time. Nothing is kept and nothing runs. ' +
        `Exit code ${exit.failed} when the payload makes no sense to the webhook.`,
    )
    .requiredOption('--webhook <name>', 'the webhook of deploy.yml that it would come to')
    .requiredOption('--payload <file>', 'the body, as the git host shows it ("-": standard input)')
    .option('--headers <file>', 'its headers, a "Name: value" a line or a JSON object; without: taken for a push')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook simulate --webhook github --payload push.json', 'what would this push do?'],
        [
          'deployhook simulate --webhook github --payload push.json --headers headers.txt',
          'and is it signed with our secret?',
        ],
      ),
    )
    .action(
      cli.action(async (options: Options) => {
        const { webhook, payload, headers, json } = options
        const sent = {
          webhook,
          payload: await read(payload, cli.io.cwd),
          headers: headers === undefined ? {} : parseHeaders((await read(headers, cli.io.cwd)).toString()),
        }
        const simulation = await withDaemon(options, { cli, ask: (client) => client.simulate(sent) })
        const { terminal } = cli
        if (json) await terminal.printJson(simulation)
        else await terminal.print(simulationText(simulation, { paint: terminal.paint, now: cli.io.clock.now() }))
        return simulation.result === 'malformed' ? exit.failed : exit.done
      }),
    )
}

async function read(file: string, cwd: string): Promise<Buffer> {
  try {
    return await readFile(file === '-' ? '/dev/stdin' : resolve(cwd, file))
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be read'
    throw new CliError(`cannot read ${file}: ${why}`, { exitCode: exit.usage, cause: error })
  }
}

function simulationText(simulation: SimulationView, looks: Looks): string {
  const { paint } = looks
  const { webhook, provider, event, pushes, plans, ignored } = simulation
  const pairs: [string, string][] = [
    ['webhook', `${oneLine(webhook)} (${oneLine(provider)})`],
    ['signature', verificationText(simulation)],
    ['event', oneLine(event ?? 'not named')],
    ...pushes.map((push): [string, string] => ['push', pushText(push)]),
  ]
  return [
    headlineOf(simulation, paint),
    facts(pairs, paint.dim),
    ...plans.map((plan) => `\n${planText(plan, looks)}`),
    ...(ignored.length === 0 ? [] : ['']),
    ...ignored.map(({ app, reason }) => `${paint.bold(oneLine(app))} would not be deployed: ${ignoredText(reason)}`),
  ].join('\n')
}

/** Why an app would not want it, by the code. */
function ignoredText(reason: string): string {
  return ignored.get(reason) ?? oneLine(reason)
}

const ignored = new Map([
  ['webhook', 'it takes pushes from another webhook'],
  ['branch', 'this is not a branch that it deploys'],
  ['tag', 'this is not a tag that it deploys'],
  ['deleted', 'the branch or tag was deleted'],
  ['skip', 'the commit asks not to be deployed'],
])

function headlineOf({ result, reason, plans, verification }: SimulationView, paint: Terminal['paint']): string {
  if (result === 'accepted') {
    const apps = listed(plans.filter(({ skip }) => skip === null))
    if (verification !== 'proven' && verification !== 'not_checked')
      return paint.bold(paint.yellow(`This would be refused; rightly signed, it would deploy ${apps}`))
    if (apps === nothing) return paint.bold(paint.yellow(`This would deploy nothing: ${listed(plans)} would skip it`))
    return paint.bold(paint.green(`This would deploy ${apps}`))
  }
  const why = oneLine(reason ?? 'unknown')
  if (result === 'ignored') return paint.bold(paint.yellow(`This would deploy nothing: ${why}`))
  return paint.bold(paint.red(`This would be refused as malformed: ${why}`))
}

const nothing = 'nothing'

function listed(plans: readonly PlanView[]): string {
  return plans.length === 0 ? nothing : plans.map(({ app }) => oneLine(app)).join(', ')
}

function verificationText({ verification }: SimulationView): string {
  if (verification === 'proven') return 'right: the headers prove it'
  if (verification === 'not_checked') return 'not checked, for no headers were given'
  return `would be refused (${oneLine(verification)}); the plan is told nevertheless`
}

function pushText({ repository, app, ref, after, deleted, pusher }: SimulationView['pushes'][number]): string {
  const what = repository === null ? `the app ${oneLine(app ?? '')}` : oneLine(repository)
  const where = ref === null ? 'what it deploys' : refLabel(ref)
  const commit = deleted ? 'deleted' : after === null ? 'no commit named' : `now at ${shortRevision(after)}`
  return `${what}, ${where}, ${commit}${pusher === null ? '' : `, by ${oneLine(pusher)}`}`
}

function planText(plan: PlanView, { paint, now }: Looks): string {
  const { app, ref, requestedRevision, repo, path, pathsDecide, steps, supersedes, waitsFor } = plan
  const asked = requestedRevision === null ? '' : `; the push names ${shortRevision(requestedRevision)}`
  const pairs: [string, string][] = [
    ['from', oneLine(repo)],
    ['commit', `whatever ${refLabel(ref)} is at then${asked}`],
    ['to', oneLine(path)],
    ...(pathsDecide ? [['unless', 'no file below its paths differs from what is live then'] as [string, string]] : []),
    ...steps.map(({ phase, name, cwd, env }, index): [string, string] => {
      const where = cwd === '.' ? '' : ` in ${oneLine(cwd)}`
      const names = env.length === 0 ? '' : paint.dim(` with ${env.map(oneLine).join(', ')}`)
      return [`step ${index + 1}`, `${oneLine(name)}${phase === 'build' ? '' : ` (${phase})`}${where}${names}`]
    }),
  ]
  if (supersedes.length > 0) pairs.push(['supersedes', supersedes.map((id) => `deployment ${id}`).join(', ')])
  if (waitsFor.length > 0) pairs.push(['waits for', waitsFor.map((id) => `deployment ${id}`).join(', ')])
  pairs.push(...gateTexts(plan, now).map((text): [string, string] => ['kept back', text]))
  if (plan.skip !== null) pairs.push(['skipped', oneLine(plan.skip.message)])
  return `${paint.bold(oneLine(app))} ${fateOf(plan)}\n${facts(pairs, paint.dim)}`
}

function fateOf({ skip, gates }: PlanView): string {
  if (skip !== null) return 'would be queued, and skipped in the end'
  return gates.length > 0 ? 'would be queued, and deployed when nothing keeps it back' : 'would be deployed'
}

/** What a person or the time of day keeps it back by, and what ends that. */
function gateTexts({ app, gates, held, frozen, opensAt }: PlanView, now: Date): readonly string[] {
  return gates.map((gate) => {
    if (gate === 'freeze' && frozen !== null) return frozenText(frozen, now)
    if (gate === 'hold' && held !== null) return heldText(app, held, now)
    if (gate === 'approval') return 'until somebody approves it: deployhook approve ID'
    return `until a window of deploy.yml opens; ${opensAt === null ? 'none will' : `the next does at ${oneLine(opensAt)}`}`
  })
}
