import type { Argument, Command, Option } from 'commander'
import type { NameKind } from './names.ts'

/** What can be written in a place of the command line. */
export type Meaning =
  | { readonly kind: 'files' }
  | { readonly kind: 'directories' }
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  /** What only the running daemon knows. */
  | { readonly kind: 'names'; readonly of: readonly NameKind[] }
  | { readonly kind: 'anything' }

export type OptionWords = {
  /** `-f` and `--follow`. */
  readonly flags: readonly string[]
  readonly description: string
  /** null: it takes no value. */
  readonly value: Meaning | null
}

/** Everything that may follow one command. */
export type CommandWords = {
  /** The words that lead to it: none for `deployhook` itself. */
  readonly path: readonly string[]
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly OptionWords[]
  readonly args: readonly { readonly meaning: Meaning; readonly name: string; readonly isMany: boolean }[]
}

/** The whole command line, from the definitions that read it: each command with what may follow it, itself first. */
export function wordsOf(program: Command): readonly CommandWords[] {
  return wordsBelow(program, { path: [], siblings: [] })
}

function wordsBelow(command: Command, { path, siblings }: Around): readonly CommandWords[] {
  const help = command.createHelp()
  const commands = help.visibleCommands(command)
  const names = commands.map((one) => one.name())
  const own: CommandWords = {
    path,
    commands: commands.map((one) => ({ name: one.name(), summary: help.subcommandDescription(one) })),
    options: help.visibleOptions(command).map((option) => optionWords(option, path)),
    args: command.registeredArguments.map((argument) => ({
      meaning: ofArgument(argument, { path, siblings }),
      name: argument.name(),
      isMany: argument.variadic,
    })),
  }
  return [own, ...commands.flatMap((one) => wordsBelow(one, { path: [...path, one.name()], siblings: names }))]
}

type Around = { readonly path: readonly string[]; readonly siblings: readonly string[] }

function optionWords(
  { short, long, description, required, optional, argChoices, flags }: Option,
  path: readonly string[],
) {
  const placeholder = /[<[]([^>\].]+)/.exec(flags)?.[1] ?? ''
  const value = argChoices === undefined ? ofOption(long ?? '', { placeholder, path }) : choices(argChoices)
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    value: required || optional ? value : null,
  }
}

type Place = { readonly placeholder: string; readonly path: readonly string[] }

function ofOption(flag: string, { placeholder, path }: Place): Meaning {
  if (flag === '--app') return names('apps')
  if (flag === '--webhook') return names('webhooks')
  if (flag === '--before') return names(path[0] === 'deliveries' ? 'deliveries' : 'deployments')
  return byPlaceholder(placeholder)
}

function ofArgument(argument: Argument, { path, siblings }: Around): Meaning {
  if (argument.argChoices !== undefined) return choices(argument.argChoices)
  if (path.at(-1) === 'help') return choices(siblings)
  return byPlaceholder(argument.name())
}

/** What the words mean that stand in `<…>` in the help, wherever they stand. */
function byPlaceholder(placeholder: string): Meaning {
  const known = Object.hasOwn(meanings, placeholder) ? meanings[placeholder] : undefined
  return known ?? { kind: 'anything' }
}

const meanings: Readonly<Record<string, Meaning>> = {
  app: names('apps'),
  id: names('deployments'),
  'id|app': names('apps', 'deployments'),
  subject: names('apps', 'webhooks', 'deployments'),
  delivery: names('deliveries'),
  webhook: names('webhooks'),
  reporter: names('reporters'),
  file: { kind: 'files' },
  path: { kind: 'files' },
  dir: { kind: 'directories' },
}

function choices(list: readonly string[]): Meaning {
  return { kind: 'choices', choices: list }
}

function names(...of: readonly NameKind[]): Meaning {
  return { kind: 'names', of }
}
