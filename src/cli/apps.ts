import { leftInTree } from '../model/left-in-tree.ts'
import type { AppView, DeploymentView } from './api.ts'
import {
  examples,
  jsonOption,
  showAnswer,
  socketOption,
  type AddCommand,
  type Looks,
  type ShowOptions,
} from './command.ts'
import { gateLines } from './gate-text.ts'
import { shortRevision, standing, when } from './show-deployment.ts'
import { table } from './table.ts'
import { oneLine } from './text.ts'

export const addApps: AddCommand = (program, cli) => {
  program
    .command('apps')
    .summary('the apps and what is live of each')
    .description(
      'Lists the apps of deploy.yml: what is live, what runs, what waits, how the last deployment ended, and what is held or frozen, by whom and why.',
    )
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText('after', examples(['deployhook apps', 'all of them'], ['deployhook explain blog', 'one, in words']))
    .action(
      cli.action((options: ShowOptions) =>
        showAnswer(options, { cli, ask: (client) => client.apps(), text: ({ apps }, looks) => appsText(apps, looks) }),
      ),
    )
}

function appsText(apps: readonly AppView[], { paint, now }: Looks): string {
  if (apps.length === 0) return 'deploy.yml has no apps.'
  const rows = apps.map((app) => {
    const { name, branch, branches, tags, path, live, running, queued, last } = app
    return [
      oneLine(name),
      oneLine(branch ?? [...branches, ...tags].join(' ')),
      live === null ? '-' : `${shortRevision(live.revision)}, ${when(live.at, now)}`,
      running === null ? '-' : paint.cyan(String(running)),
      queued.length === 0 ? '-' : paint.yellow(queued.join(' ')),
      last === null ? '-' : `${last.id} ${standing(last, paint)}${treeNote(last, app)}`,
      oneLine(path),
    ]
  })
  const listed = table(['APP', 'BRANCH', 'LIVE', 'RUNNING', 'QUEUED', 'LAST', 'PATH'], rows, { style: paint.dim })
  return [
    listed,
    ...gateLines(apps, { paint, now }),
    ...apps.flatMap((app) => catchUpProblem(app, { paint, now })),
  ].join('\n')
}

/** Catch-up cannot ask the repository: once may be chance, twice is worth a line. */
function catchUpProblem({ name, catchUp: { failing } }: AppView, { paint, now }: Looks): readonly string[] {
  if (failing === null || failing.times < 2) return []
  const what = `${oneLine(name)}: its repository has not answered ${failing.times} times, since ${when(failing.since, now)}, so pushes without a webhook are not noticed.`
  return ['', paint.red(what), oneLine(failing.message)]
}

function treeNote(last: DeploymentView, app: AppView): string {
  const left = leftInTree(last, app)
  return left === null ? '' : `, the files are of ${shortRevision(left)}`
}
