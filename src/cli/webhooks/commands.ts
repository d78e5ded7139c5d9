import type { Command } from 'commander'
import { examples, jsonOption, socketOption, type Cli, type DaemonOptions } from '../command.ts'

/** Options of the commands that talk to a git host. */
export type HostOptions = DaemonOptions & {
  readonly config?: string
  readonly webhook?: string
  readonly publicUrl?: string
  readonly apiUrl?: string
  readonly tokenFile?: string
  readonly tokenEnv?: string
  readonly json?: boolean
}

export type RotateOptions = HostOptions & { readonly finish?: true }

/** The commands that do at the git host what its form does. What they need, they load when they run. */
export function addHostCommands(webhooks: Command, cli: Cli): void {
  const run = (load: () => Promise<(app: string, options: RotateOptions, cli: Cli) => Promise<number>>) =>
    cli.action(async (app: string, _: object, command: Command) =>
      (await load())(app, command.optsWithGlobals<RotateOptions>(), cli),
    )

  addHostOptions(webhooks.command('create'))
    .summary('make the webhook at the git host, or mend the one that is there')
    .description(
      'Makes the webhook of an app at its git host through the API: pushes, as JSON, TLS checked, signed with the secret ' +
        'that deploy.yml names (the first of two). One that leads to the same URL is brought up to date instead; run it as often as you like.',
    )
    .addHelpText(
      'after',
      examples(
        ['deployhook webhooks create blog --token-file ~/github.token', 'make it'],
        ['deployhook webhooks test blog --token-file ~/github.token', 'does it arrive?'],
      ),
    )
    .action(run(async () => (await import('./create.ts')).createHook))

  addHostOptions(webhooks.command('list'))
    .summary('what the git host has of webhooks that lead here')
    .description(
      "Lists the hooks of an app's repository that lead to this daemon's address, as the git host has them, with what it remembers of the last deliveries.",
    )
    .addHelpText(
      'after',
      examples(['deployhook webhooks list blog --token-file ~/github.token', 'is one there, and right?']),
    )
    .action(run(async () => (await import('./list.ts')).listHooks))

  addHostOptions(webhooks.command('test'))
    .summary('have the git host send a test, and see whether it arrives')
    .description(
      'Follows the chain from the git host to this daemon: is there a hook, does the host send its test, does it arrive, is it believed? The first link that is broken is named, with the cure.\n' +
        "GitHub's test is a ping and deploys nothing; that of GitLab, Gitea, Forgejo and Gitee is a push of what the branch is at, which is deployed unless it is live. Bitbucket has no test: push something, or see deployhook send.",
    )
    .addHelpText(
      'after',
      examples(['deployhook webhooks test blog --token-file ~/github.token', 'would a push arrive?']),
    )
    .action(run(async () => (await import('./test.ts')).testHook))

  addHostOptions(webhooks.command('rotate'))
    .summary('replace the secret, so that no push is refused meanwhile')
    .option('--finish', 'drop the old secret, once it is not used any more')
    .description(
      "Replaces the secret of an app's webhook in an order in which no push can be refused: the new one is written beside the old one and named before it in deploy.yml, the daemon takes both, and only then is it entered at the git host, for every repository that sends by this webhook. " +
        'Run again, it goes on where it was interrupted. Once `deployhook webhooks` says that the old secret is not used any more, --finish drops it.\n' +
        'Only a secret from a file is replaced by this command; for one from a variable or a credential it tells the steps, and does its part of them.',
    )
    .addHelpText(
      'after',
      examples(
        [
          'deployhook webhooks rotate blog --token-file ~/github.token',
          'the new secret is in use, the old one still good',
        ],
        ['deployhook webhooks rotate blog --finish', 'the old one is good no longer'],
      ),
    )
    .action(run(async () => (await import('./rotate.ts')).rotateSecret))
}

function addHostOptions(command: Command): Command {
  return command
    .argument('<app>', 'its name in deploy.yml')
    .option('--webhook <name>', 'the webhook of deploy.yml; may be left out when only one fits')
    .option('--token-file <file>', 'the API token; a file that nobody else can read')
    .option('--token-env <name>', 'the variable that holds the API token (default: DEPLOYHOOK_HOST_TOKEN)')
    .option('--public-url <url>', 'how the daemon is reached from outside (default: server.public_url)')
    .option('--api-url <url>', "where the host's API lies (default: by repo, or an alias that names its pages)")
    .option('--config <file>', 'deploy.yml (DEPLOYHOOK_CONFIG; default ./deploy.yml, then /etc/deployhook/deploy.yml)')
    .addOption(jsonOption())
    .addOption(socketOption())
}
