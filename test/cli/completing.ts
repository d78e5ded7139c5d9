import { accessSync, constants } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { run, temporaryDirectory } from './world.ts'

export const shells = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof shells)[number]

/** Why completions of a shell cannot be tried here; null: they can. */
export function missing(shell: Shell): string | null {
  const found = (process.env['PATH'] ?? '').split(delimiter).some((directory) => isExecutable(join(directory, shell)))
  return found ? null : `there is no ${shell} here: apt-get install ${shell}`
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** What a real shell offers for `line`, whose last word is the one being typed; sorted. Options only when one is begun. */
export async function complete(
  shell: Shell,
  line: string,
  { socket }: { readonly socket: string },
): Promise<readonly string[]> {
  const directory = await temporaryDirectory()
  const script = join(directory, 'completion')
  await writeFile(script, (await run(['completion', shell])).out)
  const program = join(directory, 'deployhook')
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
  await chmod(program, 0o755)
  await writeFile(join(directory, 'a file.yml'), '')
  const offered = await offers[shell](line, {
    script,
    directory,
    env: {
      PATH: `${directory}:${process.env['PATH'] ?? ''}`,
      HOME: directory,
      DEPLOYHOOK_SOCKET: socket,
      TERM: 'dumb',
      LANG: 'C.UTF-8',
    },
  })
  const isOption = / -\S*$/.test(line)
  return [...new Set(offered)].filter((word) => word !== '' && (isOption || !word.startsWith('-'))).sort()
}

const main = new URL('../../src/main.ts', import.meta.url).pathname

type Trying = {
  readonly script: string
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
}

const offers: Readonly<Record<Shell, (line: string, trying: Trying) => Promise<readonly string[]>>> = {
  /** readline's own splitting: words, and each character of COMP_WORDBREAKS a word of its own. */
  async bash(line, { script, directory, env }) {
    const words = line
      .replaceAll('=', ' = ')
      .split(/ +/)
      .filter((word, index, all) => word !== '' || index === all.length - 1)
    if (words.at(-1) === '' && words.at(-2) === '=') words.pop()
    const { stdout } = await execa(
      'bash',
      [
        '--norc',
        '-c',
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _deployhook; printf "%s\\n" "${COMPREPLY[@]}"',
        'bash',
        script,
        ...words,
      ],
      { cwd: directory, env, extendEnv: false },
    )
    return stdout.split('\n')
  },

  async fish(line, { script, directory, env }) {
    const { stdout } = await execa(
      'fish',
      ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, line],
      {
        cwd: directory,
        env,
        extendEnv: false,
      },
    )
    return stdout.split('\n').map((row) => row.split('\t')[0] ?? '')
  },

  /** An interactive zsh on a terminal of its own, in which every match is written down. */
  async zsh(line, { script, directory, env }) {
    const [file, taken] = [join(directory, 'taken.zsh'), join(directory, 'taken')]
    await writeFile(file, zshInside)
    await execa('zsh', ['-f', '-c', zshOutside, 'zsh', line], {
      cwd: directory,
      env: { ...env, SCRIPT: script, TAKEN: taken, INSIDE: file },
      extendEnv: false,
    })
    return (await readFile(taken, 'utf8')).split('\n')
  },
}

const zshInside = `
PROMPT= ; unsetopt zle_bracketed_paste prompt_cr; autoload -Uz compinit; compinit -u -D
source $SCRIPT
compadd() {
  if [[ "\${@[1,(i)(-|--)]}" == *-[OAD]\\ * ]]; then builtin compadd "$@"; return; fi
  local -a matched; builtin compadd -A matched "$@"; print -rl -- $matched >> $TAKEN.part
  builtin compadd "$@"
}
written() { touch $TAKEN.part; mv $TAKEN.part $TAKEN }
comppostfuncs=(written); zle -C list-all list-choices _main_complete; bindkey '^I' list-all
`

const zshOutside = `
zmodload zsh/zpty zsh/zselect
zpty inside zsh -f -i
zpty -w inside 'source $INSIDE; print READY''-NOW'
zpty -r -m inside answer '*READY-NOW*'
zpty -w -n inside "$1"$'\\t'
repeat 1500; do [[ -e $TAKEN ]] && break; zselect -t 2; done
zpty -d inside
`
