import type { ReleasesView, ReleaseView } from './api.ts'
import {
  examples,
  jsonOption,
  showAnswer,
  socketOption,
  type AddCommand,
  type Looks,
  type ShowOptions,
} from './command.ts'
import { refLabel, shortRevision, when } from './show-deployment.ts'
import { table } from './table.ts'
import { oneLine } from './text.ts'

export const addReleases: AddCommand = (program, cli) => {
  program
    .command('releases')
    .summary('the releases of an app that are there')
    .description(
      'Lists the releases of an app, newest first: which is live, which a rollback would go back to, and which were rolled back.',
    )
    .argument('<app>', 'its name in deploy.yml')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText('after', examples(['deployhook releases blog', 'what could be gone back to?']))
    .action(
      cli.action((app: string, options: ShowOptions) =>
        showAnswer(options, {
          cli,
          ask: (client) => client.releases(app),
          text: (answer, looks) => releasesText(app, answer, looks),
        }),
      ),
    )
}

function releasesText(app: string, { strategy, releases }: ReleasesView, { paint, now }: Looks): string {
  const name = oneLine(app)
  if (strategy !== 'releases')
    return `${name} is deployed in place and has no releases (strategy: releases in deploy.yml would make them). What was live: deployhook deployments --app ${name} --state succeeded`
  if (releases.length === 0) return `${name} has no releases yet.`
  const rows = releases.map((release) => [
    oneLine(release.name),
    shortRevision(release.revision),
    refLabel(release.ref),
    String(release.deployment),
    when(release.at, now),
    standingOf(release, paint),
  ])
  return table(['RELEASE', 'COMMIT', 'BRANCH', 'DEPLOYMENT', 'MADE', 'STATE'], rows, { style: paint.dim })
}

function standingOf({ isLive, isPrevious, isComplete, quarantined }: ReleaseView, paint: Looks['paint']): string {
  const words = [
    ...(isLive ? [paint.green('live')] : []),
    ...(isPrevious ? ['previous'] : []),
    ...(isComplete ? [] : [paint.dim('not finished')]),
    ...(quarantined ? [paint.red('quarantined')] : []),
  ]
  return words.length === 0 ? 'complete' : words.join(', ')
}
