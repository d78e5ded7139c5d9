import { fishQuoted, plain } from './quote.ts'
import type { CommandWords, Meaning, OptionWords } from './words.ts'

/** A `complete` line for each thing that can be written, shown where the walk along the line comes to its command. */
export function fishScript(commands: readonly CommandWords[]): string {
  const known = commands.filter(({ path }) => path.length > 0).map(({ path }) => fishQuoted(path.join(' ')))
  const valued = commands.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) =>
      value === null ? [] : flags.map((flag) => fishQuoted([...path, flag].join(' '))),
    ),
  )
  return `\
# fish completion of deployhook, made by: deployhook completion fish

set -g __deployhook_commands ${known.join(' ')}
set -g __deployhook_valued ${valued.join(' ')}

# Whether the line has come to the command $argv[1], and (if told) to its argument number $argv[2] or, with a +, later.
function __deployhook_at
    set -l path ''
    set -l position 0
    set -l wants ''
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim -- "$path $word")
        if test -n "$wants"
            set wants ''
        else if string match -q -- '-*' $word
            contains -- $longer $__deployhook_valued; and set wants yes
        else if contains -- $longer $__deployhook_commands
            set path $longer
        else
            set position (math $position + 1)
        end
    end
    test "$path" = "$argv[1]"; or return 1
    switch "$argv[2]"
        case ''
            return 0
        case '*+'
            test $position -ge (string trim -c + -- $argv[2])
        case '*'
            test $position -eq $argv[2]
    end
end

# Names of the kinds $argv, which the running daemon knows.
function __deployhook_names
    set -l typed (commandline -opc)
    set -l program (string replace -r '^~' $HOME -- $typed[1])
    set -l at (contains -i -- --socket $typed); and set -lx DEPLOYHOOK_SOCKET $typed[(math $at + 1)]
    for word in $typed
        string match -q -- '--socket=*' $word; and set -lx DEPLOYHOOK_SOCKET (string replace -- --socket= '' $word)
    end
    $program complete $argv 2>/dev/null </dev/null
end

complete -c deployhook -e
complete -c deployhook -f
${commands.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, commands, options, args }: CommandWords): readonly string[] {
  const at = (position = ''): string =>
    `complete -c deployhook -n ${fishQuoted(`__deployhook_at ${fishQuoted(path.join(' '))}${position}`)}`
  return [
    ...commands.map(({ name, summary }) => `${at(' 0')} -a ${fishQuoted(name)} -d ${fishQuoted(plain(summary))}`),
    ...options.map((option) => `${at()} ${optionWords(option)}`),
    ...args.flatMap(({ meaning, isMany }, position) => {
      const offered = offer(meaning)
      return offered === null ? [] : [`${at(` ${position}${isMany ? '+' : ''}`)} ${offered}`]
    }),
  ]
}

function optionWords({ flags, description, value }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  const wants = value === null ? [] : ['-r', offer(value) ?? '-f']
  return [...names, ...wants, `-d ${fishQuoted(plain(description))}`].join(' ')
}

/** null: nothing to offer. */
function offer(meaning: Meaning): string | null {
  if (meaning.kind === 'files') return '-F'
  if (meaning.kind === 'directories') return `-f -a ${fishQuoted('(__fish_complete_directories)')}`
  if (meaning.kind === 'choices') return `-f -a ${fishQuoted(meaning.choices.join(' '))}`
  if (meaning.kind === 'names') return `-f -a ${fishQuoted(`(__deployhook_names ${meaning.of.join(' ')})`)}`
  return null
}
