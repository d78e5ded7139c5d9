import { z } from 'zod'
import { pathGlobProblem } from '../model/path-filter.ts'
import { branchProblem, refGlobProblem } from '../model/ref.ts'
import { healthCheckSchema } from './health-schema.ts'
import { notifySchema } from './reporter-schema.ts'
import { executorSchema, limitsSchema, sandboxSchema } from './executor-schema.ts'
import { durationText, list, nameText, text, tokenSource, wholeNumber } from './schema-parts.ts'
import { envSchema, stepSchema } from './step-schema.ts'
import {
  aliasProblem,
  appPathProblem,
  bakeProblem,
  catchUpProblem,
  fileProblem,
  keepPattern,
  repoProblem,
  sharedProblem,
  userNameProblem,
  windowProblem,
} from './text-rules.ts'

export type WrittenApp = z.output<typeof appSchema>

const gitSchema = z.strictObject({
  ssh_key: text(fileProblem).optional().describe('Private key (a deploy key) for an ssh repository.'),
  known_hosts: text(fileProblem).optional().describe('Host keys to accept, in the format of ~/.ssh/known_hosts.'),
  token: tokenSource.optional().describe('Access token for an https repository.'),
  username: text((name) =>
    /^[\x21-\x39\x3b-\x7e]+$/.test(name) ? null : 'must be letters, digits and signs, without : and spaces',
  )
    .optional()
    .describe('User name that goes with the token. Default x-access-token.'),
})

const steps = z.array(stepSchema)

const windowSchema = z.union([
  text((pattern) => windowProblem(pattern, 'UTC')),
  z
    .strictObject({
      cron: text().describe('Minute, hour, day of month, month, day of week: * 9-16 * * mon-fri.'),
      time_zone: text().optional().describe('Such as Europe/Berlin. Default UTC.'),
    })
    .check(({ value, issues }) => {
      const message = windowProblem(value.cron, value.time_zone ?? 'UTC')
      if (message !== null) issues.push({ code: 'custom', message, input: value })
    }),
])

const appKeys = {
  repo: text(repoProblem)
    .optional()
    .describe('Clone URL: https://…, ssh://…, user@host:path, file://… or an absolute path.'),
  aliases: list(text(aliasProblem)).optional().describe('Other names under which payloads know the repository.'),
  branch: text(branchProblem).optional().describe('Branch to deploy. Default main.'),
  branches: list(text(refGlobProblem))
    .optional()
    .describe('Instead of branch: globs (* within a part, ** across, ?); a push deploys the branch that it is to.'),
  tags: list(text(refGlobProblem)).optional().describe('Globs; a pushed tag that matches one is deployed.'),
  paths: list(text(pathGlobProblem))
    .optional()
    .describe(
      'Globs; a push is deployed when a file that changed since what is live matches. After ! comes what does not count; the last that matches decides.',
    ),
  skip: list(text((wanted) => (wanted.trim() === '' ? 'is empty, and would skip every push: give a text' : null)))
    .optional()
    .describe('A push is not deployed when its newest commit has one of these texts in its message, in any case.'),
  path: text(appPathProblem).optional().describe('Directory to deploy to, absolute.'),
  strategy: z
    .enum(['in-place', 'releases'])
    .optional()
    .describe(
      'How files get to path. in-place (the default): the tree is updated where it stands. releases: each deployment makes a directory of its own, and path/current is switched to it.',
    ),
  shared: list(text(sharedProblem))
    .optional()
    .describe(
      'Of releases: files and directories (with / at the end) that live in path/shared and are linked into each.',
    ),
  keep: wholeNumber({ atLeast: 0, atMost: 1000 })
    .optional()
    .describe('Releases that are kept besides the live one and the one before it. Default 5.'),
  git: gitSchema.optional().describe('How to get at a private repository.'),
  steps: steps
    .optional()
    .describe('Commands to run in the tree, in this order; the first that fails ends the deployment.'),
  before_switch: steps.optional().describe('Commands after the build, in the new release, before it is switched to.'),
  activate: steps.optional().describe('Commands that make the new version run, such as systemctl restart.'),
  after: steps.optional().describe('Commands for when all is well.'),
  preview: stepSchema
    .optional()
    .describe(
      'Starts the new release before the switch, on the port in PORT, for the health checks with preview: true.',
    ),
  health: z
    .union([healthCheckSchema, list(healthCheckSchema)])
    .optional()
    .describe('What has to answer well after the switch: one check or several.'),
  bake: text(bakeProblem, { pattern: keepPattern })
    .optional()
    .describe('How long the health checks have to go on passing after the switch. Default 0s: once is enough.'),
  on_failure: z
    .enum(['rollback', 'stop'])
    .optional()
    .describe(
      'When activate or health fails: go back to what was live before, or leave it. Default: rollback with releases, else stop.',
    ),
  hold_after_rollback: z
    .enum(['unhold', 'next_push'])
    .optional()
    .describe(
      'How long a rollback by hand keeps pushes from being deployed: until `deployhook unhold` (the default), or the next push.',
    ),
  approve: z.boolean().optional().describe('Pushes wait for `deployhook approve`. Default false.'),
  windows: list(windowSchema)
    .optional()
    .describe('When pushes may be deployed: minutes in the form of cron. Default: always.'),
  run_as: text(userNameProblem)
    .optional()
    .describe('The user that steps run as and releases belong to. Default: the user of the daemon.'),
  executor: executorSchema
    .optional()
    .describe(
      'What runs the steps: systemd, in a unit of their own that outlives a restart of the daemon; process, as children of the daemon; auto (the default): systemd where it can.',
    ),
  limits: limitsSchema.optional().describe('The most that each step may use; needs systemd.'),
  sandbox: sandboxSchema.optional().describe('What steps may see and change; needs systemd, and deployhook as root.'),
  env: envSchema.optional().describe('Environment of the steps: text, or a secret that is masked in logs.'),
  timeout: durationText.optional().describe('Limit for the whole deployment. Default 30m.'),
  webhook: nameText.optional().describe('Accept pushes from this webhook only. Default: from any.'),
  concurrency_group: nameText.optional().describe('One deployment at a time per group. Default: the repository.'),
  catch_up: text(catchUpProblem, { pattern: keepPattern })
    .optional()
    .describe('How often the repository is asked for pushes that no webhook told of; off: never. Default 5m.'),
  adopt: z.boolean().optional().describe('Take over a directory that holds other files. Default false.'),
  was: z
    .union([nameText, list(nameText)])
    .optional()
    .describe('Earlier name of this app, or several: its queue and history follow it.'),
  on_interrupt: z
    .enum(['requeue', 'stop'])
    .optional()
    .describe('What happens to a deployment that a crash or restart cut off. Default requeue.'),
  notify: notifySchema
    .optional()
    .describe('Reporters that are told how deployments end: names, or what each is told of. Default: none.'),
}

/** One app, or the defaults of all. */
export const appSchema = z.strictObject(appKeys).meta({ id: 'app' })
