import { Argument } from 'commander'
import { exit } from './cli-error.ts'
import { examples, type AddCommand } from './command.ts'
import { bashScript } from './completion/bash.ts'
import { fishScript } from './completion/fish.ts'
import { wordsOf, type CommandWords } from './completion/words.ts'
import { zshScript } from './completion/zsh.ts'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } satisfies Readonly<
  Record<string, (commands: readonly CommandWords[]) => string>
>

export const addCompletion: AddCommand = (program, cli) => {
  program
    .command('completion')
    .summary('a script that lets a shell complete commands, options and names')
    .description(
      'Prints a completion script for a shell. Commands and options are in it; names of apps, webhooks and reporters and ids\n' +
        'of deployments and deliveries are asked of the running daemon as you type, for a second at most.',
    )
    .addArgument(new Argument('<shell>', 'which one').choices(Object.keys(scripts)))
    .addHelpText(
      'after',
      examples(
        ['deployhook completion bash > /etc/bash_completion.d/deployhook', 'bash, for all users'],
        ['deployhook completion zsh > "${fpath[1]}/_deployhook"', 'zsh'],
        ['deployhook completion fish > ~/.config/fish/completions/deployhook.fish', 'fish'],
      ),
    )
    .action(
      cli.action(async (shell: keyof typeof scripts) => {
        await cli.terminal.write(scripts[shell](wordsOf(program)))
        return exit.done
      }),
    )
}
