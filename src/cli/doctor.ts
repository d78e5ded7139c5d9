import { InvalidArgumentError, Option } from 'commander'
import type { Finding, Level } from '../doctor/finding.ts'
import { isName } from '../model/name.ts'
import { CliError, exit } from './cli-error.ts'
import type { Client } from './client.ts'
import { examples, jsonOption, socketOption, type AddCommand, type Cli, type DaemonOptions } from './command.ts'
import { lookForDaemon } from './connect.ts'
import { socketsToTry } from './locations.ts'
import type { Terminal } from './terminal.ts'
import { count, oneLine } from './text.ts'

type Urls = Readonly<Record<string, string>>

type Options = DaemonOptions & {
  readonly config?: string
  readonly state?: string
  readonly url?: Urls
  readonly json?: boolean
}

export const addDoctor: AddCommand = (program, cli) => {
  program
    .command('doctor')
    .summary('what is wrong, or will be: versions, modes, disk, git access, proxy, clock, systemd, secrets')
    .description(
      'Looks at everything that deployhook stands on and tells each finding in a line, with its cure. The running daemon ' +
        'does the looking, as its own user; without one it is done here, as far as that goes. ' +
        'It asks each repository and sends an unsigned request to each webhook, which is counted as refused; it changes nothing. ' +
        `Exit code ${exit.failed} when there is a problem; warnings are none.`,
    )
    .addOption(
      new Option(
        '--url <app=url>',
        'where an app is reached from outside: /.git and /.env are tried there (repeatable)',
      )
        .argParser(addUrl)
        .default({}, 'where its http health checks ask'),
    )
    .option('--config <file>', 'deploy.yml, when no daemon runs (DEPLOYHOOK_CONFIG)')
    .option('--state <dir>', 'the state directory, when no daemon runs (DEPLOYHOOK_STATE)')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook doctor', 'all is well?'],
        ['deployhook doctor --url blog=https://blog.example.com', 'and does the site keep its .git to itself?'],
        ['deployhook doctor --json', 'for monitoring'],
      ),
    )
    .action(
      cli.action(async (options: Options) => {
        const findings = await examineHere(options, cli)
        if (options.json) await cli.terminal.printJson({ findings })
        else await cli.terminal.print(findingsText(findings, cli.terminal.paint))
        return findings.some(({ level }) => level === 'problem') ? exit.failed : exit.done
      }),
    )
}

/** For commander: `blog=https://blog.example.com`, gathered. */
function addUrl(text: string, before: Urls): Urls {
  const [, app = '', url = ''] = /^([^=]*)=(.+)$/.exec(text) ?? []
  const protocol = URL.parse(url)?.protocol
  if (!isName(app) || (protocol !== 'https:' && protocol !== 'http:'))
    throw new InvalidArgumentError('Write it like blog=https://blog.example.com.')
  return { ...before, [app]: url }
}

/** Longer than the daemon lets a doctor look. */
const patienceMs = 60_000

async function examineHere({ socket, config, state, url = {} }: Options, cli: Cli): Promise<readonly Finding[]> {
  const found = await lookForDaemon(socketsToTry(socket, cli.io))
  if (typeof found !== 'string') {
    const { examineAlone } = await import('./doctor-alone.ts')
    return examineAlone(found, { config, state, urls: url, cli })
  }
  const { openClient } = await import('./client.ts')
  const client = openClient(found)
  const given = new AbortController()
  try {
    const late = cli.io.sleep(patienceMs, given.signal).then(
      () => null,
      () => null,
    )
    const findings = await Promise.race([ask(client, { url, installed: cli.io.version }), late])
    if (findings === null) throw silent(found)
    return findings
  } finally {
    given.abort()
    await client.close()
  }
}

/** A daemon of another version may not know the question. */
async function ask(
  client: Client,
  { url, installed }: { readonly url: Urls; readonly installed: string },
): Promise<readonly Finding[]> {
  const { version: running } = await client.status()
  const other = otherVersion(running, installed)
  try {
    const { findings } = await client.doctor(url)
    return [...findings, ...other]
  } catch (error) {
    const [hint] = other
    if (!(error instanceof CliError) || hint === undefined) throw error
    throw new CliError(`${error.message}\nthe daemon ${hint.what}: ${hint.cure ?? ''}`, {
      exitCode: error.exitCode,
      cause: error,
    })
  }
}

function silent(socket: string): CliError {
  return new CliError(
    `the daemon on ${socket} takes the question and does not answer within ${patienceMs / 1000} s: see its log (journalctl -u deployhook), and restart it`,
    { exitCode: exit.failed },
  )
}

function otherVersion(running: string, installed: string): readonly Finding[] {
  if (running === installed) return []
  return [
    {
      check: 'daemon',
      level: 'warning',
      where: 'daemon',
      what: `is version ${running}, and this command is ${installed}`,
      cure: 'systemctl restart deployhook',
    },
  ]
}

function findingsText(findings: readonly Finding[], paint: Terminal['paint']): string {
  const words: Readonly<Record<Level, string>> = {
    ok: paint.green('ok     '),
    warning: paint.yellow('warning'),
    problem: paint.red('problem'),
  }
  const lines = findings.map(({ level, where, what, cure }) => {
    const told = `${words[level]}  ${paint.bold(oneLine(where))}: ${oneLine(what)}`
    return cure === null ? told : `${told} ${paint.cyan('→')} ${oneLine(cure)}`
  })
  const of = (level: Level): number => findings.filter((finding) => finding.level === level).length
  const sum = `${count(of('problem'), 'problem')}, ${count(of('warning'), 'warning')}`
  return [...lines, '', of('problem') > 0 ? paint.red(sum) : paint.green(sum)].join('\n')
}
