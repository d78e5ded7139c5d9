import type { Argument, Command, Option } from 'commander'
import { ioOf } from '../src/cli/io.ts'
import { wholeProgram } from '../src/cli/index.ts'

export type ManOf = { readonly version: string; readonly epoch: number }

/** deployhook(1), made from the very definitions that `--help` shows; roff as man(7) says it. */
export async function manPage({ version, epoch }: ManOf): Promise<string> {
  const program = await wholeProgram(ioOf(process, { version, serve: () => Promise.resolve({ kind: 'stopped' }) }))
  const help = program.createHelp()
  const commands = help.visibleCommands(program).filter((command) => command.name() !== 'help')
  const date = new Date(epoch * 1000).toISOString().slice(0, 10)
  return [
    `.TH DEPLOYHOOK 1 "${date}" "deployhook ${version}" "User Commands"`,
    '.nh',
    '.ad l',
    '.SH NAME',
    'deployhook \\- a verified push to main becomes exactly one deploy of a known commit',
    '.SH SYNOPSIS',
    '.B deployhook',
    '.I command',
    '[\\fIoption\\fR...] [\\fIargument\\fR...]',
    '.SH DESCRIPTION',
    text(description),
    '.SH OPTIONS',
    ...help.visibleOptions(program).map(optionEntry),
    '.SH COMMANDS',
    ...commands.flatMap((command) => commandEntry(command, 'deployhook')),
    '.SH EXIT STATUS',
    ...entries(exitCodes),
    '.SH FILES',
    ...entries(files),
    '.SH SEE ALSO',
    text('The example with every key, and more to read: /usr/share/doc/deployhook.'),
    '.BR git (1),',
    '.BR systemctl (1),',
    '.BR systemd.exec (5)',
    '',
  ].join('\n')
}

function commandEntry(command: Command, above: string): readonly string[] {
  const help = command.createHelp()
  const name = `${above} ${command.name()}`
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help')
  const below = help.visibleCommands(command).filter((one) => one.name() !== 'help')
  return [
    `.SS "${escaped(`${name} ${command.usage()}`)}"`,
    text(command.description()),
    ...help.visibleArguments(command).map(argumentEntry),
    ...options.map(optionEntry),
    ...below.flatMap((one) => commandEntry(one, name)),
  ]
}

function optionEntry({ flags, description }: Option): string {
  return entry(`\\fB${escaped(flags)}\\fR`, description)
}

function argumentEntry(argument: Argument): string {
  return entry(`\\fI${escaped(argument.name())}\\fR`, argument.description)
}

function entries(list: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(list).map(([name, meaning]) => entry(`\\fB${escaped(name)}\\fR`, meaning))
}

function entry(term: string, meaning: string): string {
  return `.TP\n${term}\n${text(meaning)}`
}

/** A line that starts with a point or an apostrophe would be a request. */
function text(plain: string): string {
  return escaped(plain)
    .replaceAll(/\n+/g, '\n')
    .replaceAll(/^([.'])/gm, '\\&$1')
}

function escaped(plain: string): string {
  return plain.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('"', '\\(dq')
}

const description =
  'deployhook takes push webhooks of git hosts, proves them, matches them against one YAML file, and runs git and your ' +
  'build steps, one deployment at a time per repository. The daemon is "deployhook serve"; all other commands ask it ' +
  'over its control socket, which is found by --socket, DEPLOYHOOK_SOCKET, /run/deployhook/control.sock or the state directory.'

const exitCodes = {
  0: 'Done, or skipped.',
  1: 'Failed.',
  2: 'Wrong usage.',
  3: 'The daemon is not reachable.',
  78: 'deployhook serve cannot start: a person must mend deploy.yml or the state directory first.',
  130: 'Left by Ctrl-C.',
}

const files = {
  '/etc/deployhook/deploy.yml': 'What is deployed on this host, and which pushes do it.',
  '/var/lib/deployhook': 'What must outlive a restart: deliveries, the queue, history, logs, mirrors.',
  '/run/deployhook/control.sock': 'Whoever may open it is an operator.',
}
