import { userInfo } from 'node:os'
import type { Problem } from '../config/index.ts'
import type { DeployMap } from '../model/deploy-map.ts'
import { CliError, exit } from './cli-error.ts'
import { examples, jsonOption, type AddCommand, type Cli } from './command.ts'
import { configFile, stateDirectory, variable, withCredentials } from './locations.ts'
import { count, oneLine } from './text.ts'

export const addCheck: AddCommand = (program, cli) => {
  program
    .command('check')
    .summary('is deploy.yml right?')
    .description(
      'Reads deploy.yml as the daemon would and tells every problem with its line and its cure. Needs no daemon. ' +
        'Secrets that come from variables must be set for the check, too.',
    )
    .argument('[file]', 'what to check (default: DEPLOYHOOK_CONFIG, ./deploy.yml, then /etc/deployhook/deploy.yml)')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook check', 'the one that would be used'],
        ['deployhook check new.yml && mv new.yml deploy.yml', 'look before you change it'],
      ),
    )
    .action(
      cli.action(async (named: string | undefined, { json }: { json?: boolean }) => {
        const { io } = cli
        const file = await configFile(named, io)
        if (file === null) throw new CliError(noFile, { exitCode: exit.failed })
        // Schema and YAML are of no use to the other commands, which are asked in scripts and want to start fast.
        const { formatProblem, loadDeployMap } = await import('../config/index.ts')
        const { uid } = io
        const env = withCredentials(io.env)
        const load = (rootSteps: 'warn' | 'refuse') =>
          loadDeployMap(file, { env, uid, stateDirectory: likelyState(cli), rootSteps })
        const loaded = await load('warn')
        const map = loaded.kind === 'loaded' ? loaded.map : null
        const problems = loaded.kind === 'refused' ? loaded.problems : []
        const { expectedProblems } = await import('../runner/executors.ts')
        const cannot =
          map === null ? [] : await expectedProblems(map.apps.values(), { uid, user: { name: nameOf(uid) } })
        const isRefused =
          cannot.length > 0 || (map !== null && loaded.warnings.length > 0 && (await load('refuse')).kind === 'refused')
        const checked = { file, map, problems, warnings: loaded.warnings, cannot, isRefused }
        if (json) await cli.terminal.printJson(asJson(checked))
        else
          await tell(checked, {
            cli,
            format: (problem) => formatProblem(problem, { colour: cli.terminal.paint.isColorSupported }),
          })
        return map === null ? exit.failed : exit.done
      }),
    )
}

function nameOf(uid: number): string {
  try {
    return userInfo().username
  } catch {
    return String(uid) // A number without a name: in a container that was started with one.
  }
}

/** Told by everything that needs a deploy.yml and finds none. */
export const noFile =
  'there is no deploy.yml in this directory and no /etc/deployhook/deploy.yml: name the file, or start from deploy.yml.example'

type Checked = {
  readonly file: string
  readonly map: DeployMap | null
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
  /** What its apps ask for and this machine, or a daemon of this user, does not have. */
  readonly cannot: readonly string[]
  /** It is right for a daemon of another user, but not for one of who checks. */
  readonly isRefused: boolean
}

/** Where the daemon would keep its state; without a home nobody knows, and the rules about it are left out. */
export function likelyState({ io }: Cli): string | null {
  const known =
    io.uid === 0 || ['HOME', 'XDG_STATE_HOME', 'DEPLOYHOOK_STATE', 'STATE_DIRECTORY'].some((name) => variable(io, name))
  return known ? stateDirectory(undefined, io) : null
}

type Looks = {
  readonly cli: Cli
  /** Shows nothing of the file that could steer a terminal. */
  readonly format: (problem: Problem) => string
}

async function tell(
  { file, map, problems, warnings, cannot, isRefused }: Checked,
  { cli, format }: Looks,
): Promise<void> {
  const { paint, print } = cli.terminal
  for (const problem of problems) await print(`${format(problem)}\n`)
  for (const warning of warnings) await print(`${paint.yellow('warning')} ${format(warning)}\n`)
  for (const problem of cannot) await print(`${paint.yellow('warning')} ${problem}`)
  if (map === null) await print(paint.red(`${oneLine(file)}: ${count(problems.length, 'problem')}`))
  else if (isRefused) await print(`${paint.yellow(`${oneLine(file)} is right, but ${refusal(cli)}`)}: ${summary(map)}`)
  else await print(`${paint.green(`${oneLine(file)} is right`)}: ${summary(map)}`)
}

function refusal({ io }: Cli): string {
  return `deployhook serve refuses it when ${io.uid === 0 ? 'root' : 'this user'} starts it, for what is warned of above`
}

function summary({ webhooks, apps, server }: DeployMap): string {
  const urls = [...webhooks.keys()].map((name) => urlOf(name, server))
  return `${named('webhook', urls)}, ${named('app', [...apps.keys()])}`
}

function named(noun: string, names: readonly string[]): string {
  const more = names.length - mostNamed
  const list = more > 0 ? [...names.slice(0, mostNamed), `${more} more`] : names
  return `${count(names.length, noun)}${names.length === 0 ? '' : ` (${list.join(', ')})`}`
}

const mostNamed = 20

/** Where deliveries go; without `public_url` the address of the daemon itself, which a proxy makes public. */
function urlOf(webhook: string, { publicUrl, listen }: DeployMap['server']): string {
  if (publicUrl !== null) return `${publicUrl.replace(/\/+$/, '')}/hooks/${webhook}`
  if (listen.kind === 'unix') return `unix:${listen.path} /hooks/${webhook}`
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  return `http://${host}:${listen.port}/hooks/${webhook}`
}

function asJson({ file, map, problems, warnings, cannot }: Checked): object {
  const told = ({ line, column, path, message, text }: Problem): object => ({ line, column, path, message, text })
  return {
    file,
    ok: map !== null,
    problems: problems.map(told),
    warnings: warnings.map(told),
    cannot,
    webhooks: [...(map?.webhooks.values() ?? [])].map(({ name, provider }) => ({
      name,
      provider,
      url: map === null ? null : urlOf(name, map.server),
    })),
    apps: [...(map?.apps.values() ?? [])].map(({ name, repo, branch, path }) => ({
      name,
      repo: repo.url,
      branch,
      path,
    })),
  }
}
