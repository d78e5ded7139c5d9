import { InvalidArgumentError, Option } from 'commander'
import { examples, jsonOption, type AddCommand } from './command.ts'

/** As given; what is left out is asked for, or has a default. */
export type InitOptions = {
  readonly config?: string
  readonly repo?: string
  readonly provider?: string
  readonly app?: string
  readonly branch?: string
  readonly path?: string
  readonly step: readonly string[]
  readonly publicUrl?: string
  readonly credential?: string
  readonly user?: string
  readonly sshKey?: string
  readonly makeKey?: true
  readonly knownHosts?: string
  readonly gitTokenFile?: string
  readonly gitCheck: boolean
  readonly yes?: true
  readonly force?: true
  readonly json?: boolean
}

export const addInit: AddCommand = (program, cli) => {
  program
    .command('init')
    .summary('make a deploy.yml, with a secret and what the form at the git host wants')
    .description(
      'Asks a few questions, or takes flags, and writes a commented deploy.yml with a fresh secret in a file of its own. The result is judged as `check` does before it is put in place, the repository is asked for its branches as the daemon would, and the fields of the form at the git host are told.\n' +
        'A deploy.yml that is there already is left alone: what to add to it is told instead. Exits with 1 also when all is written but the repository cannot be read yet.',
    )
    .option(
      '--config <file>',
      'what to write (DEPLOYHOOK_CONFIG; default /etc/deployhook/deploy.yml for root, else ./deploy.yml)',
    )
    .option('--repo <url>', 'clone URL: https://…, user@host:path, or a path on this machine')
    .option('--provider <name>', 'kind of git host (default: by the URL, where that tells)')
    .option('--app <name>', 'what it is called here (default: as the repository)')
    .option('--branch <name>', 'what is deployed (default: main)')
    .option('--path <dir>', 'where to (default: /srv/APP)')
    .addOption(
      new Option('--step <command>', 'a step, once for each')
        .argParser(gather)
        .default([], 'a guess from the files in --path'),
    )
    .option('--public-url <url>', 'how the daemon is reached from outside: https://deploy.example.com')
    .option(
      '--credential <name>',
      'have systemd hand the secret over by this name (LoadCredential=) instead of by its file',
    )
    .option('--user <name>', 'who runs the daemon (default: deployhook when root, if there is one)')
    .option('--ssh-key <file>', 'the deploy key of a private repository by ssh')
    .option('--make-key', 'make that deploy key')
    .option('--known-hosts <file>', 'where the key of the host is (default: those of the user and the system)')
    .option('--git-token-file <file>', 'the token of a private repository by https')
    .option('--no-git-check', 'do not ask the repository')
    .option('-y, --yes', 'ask nothing, take the defaults')
    .option('--force', 'replace a deploy.yml that is there; it is kept beside')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook init', 'be asked'],
        ['deployhook init --yes --repo git@github.com:acme/blog.git --make-key', 'a private repository'],
        ['deployhook init --repo https://github.com/acme/blog.git --step "npm ci"', 'be asked for the rest'],
      ),
    )
    .action(cli.action(async (options: InitOptions) => (await import('./init/init.ts')).init(options, cli)))
}

function gather(step: string, before: readonly string[]): readonly string[] {
  if (step.trim() === '') throw new InvalidArgumentError('A step is a command.')
  return [...before, step]
}
