import { shellQuoted } from '../../lib/shell.ts'
import type { CommandWords, Meaning, OptionWords } from './words.ts'

/**
 * For bash 3.2 and later, without the bash-completion package. Two functions are tables (what follows a command, what
 * an option wants), made from the definitions; the rest walks along the line by them.
 */
export function bashScript(commands: readonly CommandWords[]): string {
  const followers = commands.map(({ path, commands: next, options, args }) =>
    [
      `    ${shellQuoted(path.join(' '))})`,
      `      commands=${shellQuoted(next.map(({ name }) => name).join(' '))}`,
      `      options=${shellQuoted(options.flatMap(({ flags }) => flags).join(' '))}`,
      `      arguments=(${args.map(({ meaning }) => shellQuoted(meaningWord(meaning))).join(' ')})`,
      `      many=${args.at(-1)?.isMany === true ? 'yes' : "''"} ;;`,
    ].join('\n'),
  )
  const values = commands.flatMap(({ path, options }) => options.flatMap((option) => valueLines(path, option)))
  return script({ followers: followers.join('\n'), values: values.join('\n') })
}

function valueLines(path: readonly string[], { flags, value }: OptionWords): readonly string[] {
  if (value === null) return []
  return flags.map(
    (flag) => `    ${shellQuoted([...path, flag].join(' '))}) meaning=${shellQuoted(meaningWord(value))} ;;`,
  )
}

function meaningWord(meaning: Meaning): string {
  if (meaning.kind === 'choices') return ['choices', ...meaning.choices].join(' ')
  if (meaning.kind === 'names') return ['names', ...meaning.of].join(' ')
  return meaning.kind
}

const script = ({ followers, values }: { readonly followers: string; readonly values: string }): string => `\
# bash completion of deployhook, made by: deployhook completion bash

# What may follow the command $1.
_deployhook_followers() {
  case $1 in
${followers}
    *) commands='' options='' arguments=() many='' ;;
  esac
}

# What the option $1 (after its command) wants; nothing: no value.
_deployhook_value() {
  case $1 in
${values}
    *) meaning='' ;;
  esac
}

# Of the words on stdin, one a line, those that begin like what is typed.
_deployhook_offer() {
  local word
  while IFS=$'\\t' read -r word _; do
    [[ -n $word && $word == "$current"* ]] && COMPREPLY+=("$word")
  done
}

_deployhook_offer_meaning() {
  case $1 in
    files | directories)
      compopt -o filenames 2>/dev/null
      local kind=-f
      [[ $1 == directories ]] && kind=-d
      local IFS=$'\\n'
      COMPREPLY+=($(compgen "$kind" -- "$current")) ;;
    choices\\ *) _deployhook_offer < <(printf '%s\\n' \${1#choices}) ;;
    names\\ *)
      [[ -n $socket ]] && local -x DEPLOYHOOK_SOCKET=$socket
      _deployhook_offer < <("\${typed[0]/#\\~/$HOME}" complete \${1#names} 2>/dev/null </dev/null) ;;
  esac
}

_deployhook() {
  local commands options arguments many meaning='' socket='' path='' position=0 onlyArguments='' word index
  local typed=() current
  # --app=blog comes as three words.
  for ((index = 0; index <= COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $word != '=' ]]; then typed+=("$word")
    elif ((index == COMP_CWORD)); then typed+=('')
    fi
  done
  local last=$((\${#typed[@]} - 1))
  current=\${typed[last]}
  COMPREPLY=()

  _deployhook_followers ''
  for ((index = 1; index < last; index++)); do
    word=\${typed[index]}
    if [[ -n $meaning ]]; then
      [[ \${typed[index - 1]} == --socket ]] && socket=$word
      meaning=''
    elif [[ -z $onlyArguments && $word == -- ]]; then onlyArguments=yes
    elif [[ -z $onlyArguments && $word == -* ]]; then _deployhook_value "\${path:+$path }$word"
    elif [[ " $commands " == *" $word "* ]]; then
      path="\${path:+$path }$word"
      _deployhook_followers "$path"
    else ((position++))
    fi
  done

  if [[ -n $meaning ]]; then _deployhook_offer_meaning "$meaning"
  elif [[ -z $onlyArguments && $current == -* ]]; then _deployhook_offer < <(printf '%s\\n' $options)
  else
    ((position == 0)) && _deployhook_offer < <(printf '%s\\n' $commands)
    [[ -n $many ]] && ((position >= \${#arguments[@]})) && position=$((\${#arguments[@]} - 1))
    [[ -n \${arguments[position]-} ]] && _deployhook_offer_meaning "\${arguments[position]}"
  fi
  return 0
}

complete -F _deployhook deployhook
`
