import type { SampleView } from './api.ts'
import { exit } from './cli-error.ts'
import { examples, jsonOption, socketOption, withDaemon, type AddCommand, type DaemonOptions } from './command.ts'
import { hookUrl, sendDelivery, type HookAnswer } from './hook-answer.ts'
import { refLabel } from './show-deployment.ts'
import { oneLine } from './text.ts'

type Options = DaemonOptions & {
  readonly webhook: string
  readonly app?: string
  readonly url?: string
  readonly json?: boolean
}

export const addSend: AddCommand = (program, cli) => {
  program
    .command('send')
    .summary('send a signed test push on the way that a git host takes')
    .description(
      'Has the daemon sign a push as the git host would write it, sends it to the daemon and tells what comes back. ' +
        'With --url it goes out and in again: through DNS, the proxy and the firewall, as a real push does.\n' +
        'To the daemon it is a push like any other: it names the commit that is live and queues a deployment, which takes ' +
        'what the branch is at when it starts. When that is live already, it ends as skipped and changes nothing. A webhook whose host sends the secret ' +
        'itself along (GitLab with a secret token, Gitee with a password, Azure) sends it to --url, too.',
    )
    .requiredOption('--webhook <name>', 'the webhook of deploy.yml')
    .option('--app <name>', 'the app that is pushed to; may be left out when there is only one')
    .option('--url <url>', 'where to send it: https://deploy.example.com (default: straight to the listener)')
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook send --webhook github', 'is the webhook right?'],
        ['deployhook send --webhook github --url https://deploy.example.com', 'is the proxy?'],
      ),
    )
    .action(
      cli.action(async (options: Options) => {
        const { webhook, app, url, json } = options
        const { sample, target } = await withDaemon(options, {
          cli,
          ask: async (client) => ({
            sample: await client.sample(webhook, app),
            target: hookUrl(url ?? (await client.status()).listen, webhook),
          }),
        })
        const answer = await sendDelivery(target, sample)
        if (json) await cli.terminal.printJson({ url: target.shown, status: answer.status, answer: answer.body })
        else await cli.terminal.print(answerText(answer, { sample, url: target.shown }))
        return answer.isGood ? exit.done : exit.failed
      }),
    )
}

function answerText(
  answer: HookAnswer,
  { sample, url }: { readonly sample: SampleView; readonly url: string },
): string {
  return [
    `a push to ${refLabel(sample.ref)} for ${oneLine(sample.app)}, sent to ${oneLine(url)}`,
    ...answer.lines.map(oneLine),
  ].join('\n')
}
