import { shellQuoted } from '../../lib/shell.ts'
import { plain } from './quote.ts'
import type { CommandWords, Meaning, OptionWords } from './words.ts'

/** A function for each command, in the words of `_arguments`: https://zsh.sourceforge.io/Doc/Release/Completion-System.html */
export function zshScript(commands: readonly CommandWords[]): string {
  return `\
#compdef deployhook
# zsh completion of deployhook, made by: deployhook completion zsh

${commands.map(commandFunction).join('\n\n')}

# Names of the kinds $@, which the running daemon knows.
_deployhook_names() {
  local -a found entries
  local line socket=\${(Q)opt_args[--socket]}
  [[ -n $socket ]] && local -x DEPLOYHOOK_SOCKET=$socket
  found=(\${(f)"$(\${(Q)_deployhook_program/#\\~/$HOME} complete "$@" 2>/dev/null </dev/null)"})
  for line in $found; do entries+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}"); done
  _describe -t names name entries
}

_deployhook() {
  local _deployhook_program=$words[1]
  _deployhook_command "$@"
}

if [[ $funcstack[1] == _deployhook ]]; then
  _deployhook "$@"
else
  compdef _deployhook deployhook
fi
`
}

function commandFunction({ path, commands, options, args }: CommandWords): string {
  const flags = options.map(optionSpec)
  if (commands.length === 0) {
    const places = args.map(({ meaning, name, isMany }) =>
      shellQuoted(`${isMany ? '*' : ''}:${escaped(name)}:${action(meaning)}`),
    )
    return `${functionName(path)}() {\n  _arguments ${joined([...flags, ...places])}\n}`
  }
  const [first] = args
  const own = first === undefined ? '' : `\n      ${action(first.meaning)}`
  return `${functionName(path)}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C ${joined([...flags, "': :->command'", "'*:: :->rest'"])} && return
  case $state in
    command)
      local -a commands=(${joined(commands.map(({ name, summary }) => shellQuoted(`${escaped(name)}:${plain(summary)}`)))})
      _describe -t commands command commands${own} ;;
    rest)
      case $line[1] in
${commands.map(({ name }) => `        ${name}) ${functionName([...path, name])} ;;`).join('\n')}
      esac ;;
  esac
}`
}

function optionSpec({ flags, description, value }: OptionWords): string {
  const wants = value === null ? '' : `:value:${action(value)}`
  const said = shellQuoted(`[${escaped(plain(description))}]${wants}`)
  const written = flags.map((flag) => (value !== null && flag.startsWith('--') ? `${flag}=` : flag))
  if (written.length === 1) return `${shellQuoted(written.join(''))}${said}`
  return `${shellQuoted(`(${flags.join(' ')})`)}{${written.join(',')}}${said}`
}

/** A leading space: `_arguments` adds no words of its own. */
function action(meaning: Meaning): string {
  if (meaning.kind === 'files') return '_files'
  if (meaning.kind === 'directories') return '_files -/'
  if (meaning.kind === 'choices') return `(${meaning.choices.join(' ')})`
  if (meaning.kind === 'names') return ` _deployhook_names ${meaning.of.join(' ')}`
  return ' '
}

function functionName(path: readonly string[]): string {
  return ['_deployhook_command', ...path].join('__')
}

function escaped(text: string): string {
  return text.replace(/[\\:[\]]/g, '\\$&')
}

function joined(parts: readonly string[]): string {
  return parts.map((part) => `\\\n    ${part}`).join(' ')
}
