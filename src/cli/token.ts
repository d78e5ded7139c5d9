import { createHash, randomBytes } from 'node:crypto'
import { InvalidArgumentError, Option } from 'commander'
import { isName } from '../model/name.ts'
import { exit } from './cli-error.ts'
import { examples, jsonOption, type AddCommand } from './command.ts'

export const addToken: AddCommand = (program, cli) => {
  program
    .command('token')
    .summary('make an API token')
    .description(
      'Makes a random API token and the entry of deploy.yml that lets it in. The token is shown once and kept nowhere: deploy.yml holds its SHA-256 only.',
    )
    .option('--name <name>', 'what it is called in deploy.yml and in the log', parseName, 'ci')
    .addOption(new Option('--can <right>', 'what it may do').choices(['read', 'operate']).default('read'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook token', 'may look'],
        ['deployhook token --name ci --can operate', 'may deploy, retry and cancel'],
      ),
    )
    .action(
      cli.action(async ({ name, can, json }: { name: string; can: string; json?: boolean }) => {
        const token = `dh_${randomBytes(32).toString('base64url')}`
        const entry = { name, sha256: createHash('sha256').update(token).digest('hex'), can }
        const { terminal } = cli
        if (json) await terminal.printJson({ token, entry })
        else await terminal.print(tokenText(token, { entry, bold: terminal.paint.bold }))
        return exit.done
      }),
    )
}

function parseName(text: string): string {
  if (isName(text)) return text
  throw new InvalidArgumentError('A name is lower-case letters, digits, - and _, at most 63 of them.')
}

type Entry = { readonly name: string; readonly sha256: string; readonly can: string }

function tokenText(
  token: string,
  { entry, bold }: { readonly entry: Entry; readonly bold: (text: string) => string },
): string {
  return [
    'The token, shown this once:',
    '',
    `  ${bold(token)}`,
    '',
    'Let it in with this entry of deploy.yml, then run deployhook reload:',
    '',
    'server:',
    '  api_tokens:',
    `    - name: ${/^[a-z]+$/.test(entry.name) ? entry.name : JSON.stringify(entry.name)}`,
    `      sha256: "${entry.sha256}"`,
    `      can: ${entry.can}`,
    '',
    'Use it as: Authorization: Bearer <token>',
  ].join('\n')
}
