import { CliError, exit } from './cli-error.ts'
import type { Client } from './client.ts'
import { examples, socketOption, withDaemon, type AddCommand, type Cli, type DaemonOptions } from './command.ts'
import { follow } from './follow.ts'
import { createLogView, logLine, parseKeptLine } from './log-view.ts'
import { oneLine } from './text.ts'
import { ending, leaving } from './watch.ts'

type Options = DaemonOptions & { follow?: boolean; raw?: boolean }

export const addLogs: AddCommand = (program, cli) => {
  program
    .command('logs')
    .summary('the log of a deployment, also live')
    .description('Prints the log of a deployment, or of the newest one of an app. Secrets in it are masked already.')
    .argument('<id|app>', 'a deployment, or an app')
    .option('-f, --follow', 'print on as it is written, until the deployment ends')
    .option('--raw', 'leave colours and control characters in (into a file or a pipe only)')
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook logs 12', 'of one deployment'],
        ['deployhook logs -f blog', 'of the newest deployment of blog, live'],
        ['deployhook logs 12 --raw > 12.log', 'as it was written'],
      ),
    )
    .action(
      cli.action((subject: string, options: Options) => {
        if (options.raw && cli.terminal.isTerminal) {
          throw new CliError('--raw is for a file or a pipe: what a step prints could take over your terminal', {
            exitCode: exit.usage,
          })
        }
        return withDaemon(options, { cli, ask: (client) => logs(subject, { client, cli, options }) })
      }),
    )
}

type LogsDeps = { readonly client: Client; readonly cli: Cli; readonly options: Options }

async function logs(subject: string, { client, cli, options }: LogsDeps): Promise<number> {
  const id = await deploymentFor(subject, client)
  const { terminal } = cli
  if (options.follow) {
    const show = options.raw ? rawView(cli) : createLogView(cli)
    const followed = await follow(id, { client, cli, show })
    await terminal.warn(followed.kind === 'left' ? leaving(followed.id) : ending(followed.deployment, cli))
    return exit.done
  }
  const log = await client.readLog(id)
  if (options.raw) {
    for await (const chunk of log) await terminal.write(chunk)
    return exit.done
  }
  for await (const lines of keptLines(log)) {
    await terminal.print(lines.map((line) => logLine(parseKeptLine(line), terminal.paint)).join('\n'))
  }
  return exit.done
}

async function deploymentFor(subject: string, client: Client): Promise<number> {
  if (/^[1-9][0-9]*$/.test(subject)) return Number(subject)
  const { deployments } = await client.deployments({ app: subject, limit: 1 })
  const newest = deployments[0]
  if (newest !== undefined) return newest.id
  throw new CliError(
    `${oneLine(subject)} has no deployment yet; the apps: deployhook apps; the first one: deployhook deploy ${oneLine(subject)}`,
    { exitCode: exit.failed },
  )
}

function rawView({ terminal }: Cli): ReturnType<typeof createLogView> {
  return (event) => (event.kind === 'line' ? terminal.write(`${event.text}\n`) : Promise.resolve())
}

/** The lines of a kept log. The daemon breaks long ones, so none is longer than memory is wide. */
async function* keptLines(log: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of log) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (lines.length > 0) yield lines
  }
  rest += decoder.decode()
  if (rest !== '') yield [rest]
}
