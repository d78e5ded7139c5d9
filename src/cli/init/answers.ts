import { basename, dirname, join, resolve } from 'node:path'
import { isName } from '../../model/name.ts'
import { parseRepository } from '../../model/repository.ts'
import { branchProblem } from '../../model/ref.ts'
import type { Repository } from '../../model/deploy-map.ts'
import { isProviderName, providers, type ProviderName } from '../../providers/index.ts'
import { CliError, exit } from '../cli-error.ts'
import type { Cli } from '../command.ts'
import type { InitOptions } from '../init.ts'
import { variable } from '../locations.ts'
import { oneLine } from '../text.ts'

/** All that deploy.yml needs to be told. */
export type Answers = {
  /** Absolute. */
  readonly file: string
  readonly provider: ProviderName
  readonly repo: Repository
  readonly app: string
  readonly branch: string
  /** Whether somebody said so, rather than a default. */
  readonly isBranchSaid: boolean
  readonly path: string
  readonly publicUrl: string | null
}

/** From flags, then questions, then defaults. Fails with everything at once that nobody can be asked for. */
export async function gatherAnswers(options: InitOptions, cli: Cli): Promise<Answers> {
  const { io } = cli
  const prompt = options.yes === true ? null : io.prompt
  const ask = createAsk(prompt, cli)
  if (options.repo === undefined && prompt === null)
    throw usage(
      'there is nobody to ask, so it must be said: --repo URL (see deployhook init --help for what else can be)',
    )

  const repo = await ask('Clone URL of the repository', {
    said: options.repo,
    byDefault: null,
    flag: '--repo',
    read: readRepo,
  })
  const provider = await ask(`Kind of git host (${Object.keys(providers).join(', ')})`, {
    ...{ said: options.provider, byDefault: guessProvider(repo), flag: '--provider', read: readProvider },
  })
  const app = await ask('What is it called here', {
    said: options.app,
    byDefault: nameOf(repo),
    flag: '--app',
    read: readName,
  })
  const branch = await ask('Branch to deploy', {
    said: options.branch,
    byDefault: 'main',
    flag: '--branch',
    read: readBranch,
  })
  const path = await ask('Directory to deploy to', {
    said: options.path,
    byDefault: `/srv/${app}`,
    flag: '--path',
    read: readText,
  })
  const publicUrl = await ask('How is this daemon reached from outside, https://… (empty: not known yet)', {
    ...{ said: options.publicUrl, byDefault: '', flag: '--public-url', read: readUrl },
  })
  return {
    ...{ file: fileToWrite(options, cli), provider, repo, app, branch, path: resolve(io.cwd, path), publicUrl },
    isBranchSaid: options.branch !== undefined || branch !== 'main',
  }
}

type Question<Value> = {
  readonly said: string | undefined
  /** null: there is none. */
  readonly byDefault: string | null
  readonly flag: string
  readonly read: (text: string) => { readonly value: Value } | { readonly problem: string }
}

type Ask = <Value>(question: string, about: Question<Value>) => Promise<Value>

/** A flag that is wrong fails; an answer that is wrong is asked for again. */
function createAsk(prompt: Cli['io']['prompt'], { terminal }: Cli): Ask {
  return async (question, { said, byDefault, flag, read }) => {
    const given = said ?? (prompt === null ? byDefault : null)
    if (given !== null) {
      const got = read(given)
      if ('value' in got) return got.value
      throw usage(`${flag}: ${oneLine(got.problem)}`)
    }
    if (prompt === null) throw usage(`it cannot be guessed, so it must be said: ${flag} (${oneLine(question)})`)
    for (;;) {
      const line = await prompt(`${question}${byDefault === null || byDefault === '' ? '' : ` [${byDefault}]`}: `)
      if (line === null) throw new CliError('left; nothing was written', { exitCode: exit.interrupted })
      const got = read(line.trim() === '' ? (byDefault ?? '') : line.trim())
      if ('value' in got) return got.value
      await terminal.warn(oneLine(got.problem))
    }
  }
}

function fileToWrite({ config }: InitOptions, { io }: Cli): string {
  const named = config ?? variable(io, 'DEPLOYHOOK_CONFIG')
  if (named !== null) return resolve(io.cwd, named)
  return io.uid === 0 ? '/etc/deployhook/deploy.yml' : join(io.cwd, 'deploy.yml')
}

function readRepo(text: string): { value: Repository } | { problem: string } {
  const parsed = parseRepository(text)
  return 'problem' in parsed ? { problem: `the clone URL ${parsed.problem}` } : { value: parsed }
}

function readProvider(text: string): { value: ProviderName } | { problem: string } {
  return isProviderName(text) ? { value: text } : { problem: `one of ${Object.keys(providers).join(', ')}` }
}

function readName(text: string): { value: string } | { problem: string } {
  return isName(text)
    ? { value: text }
    : { problem: 'a name is lower-case letters, digits, - and _, at most 63 of them' }
}

function readBranch(text: string): { value: string } | { problem: string } {
  const problem = branchProblem(text)
  return problem === null ? { value: text } : { problem }
}

function readText(text: string): { value: string } | { problem: string } {
  return text === '' ? { problem: 'a directory is needed' } : { value: text }
}

function readUrl(text: string): { value: string | null } | { problem: string } {
  if (text === '') return { value: null }
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol)
    ? { value: text.replace(/\/+$/, '') }
    : { problem: 'write it like https://deploy.example.com' }
}

/** null: nothing in the URL says it; headers of requests never do. */
export function guessProvider({ identity }: Pick<Repository, 'identity'>): ProviderName | null {
  const [host = ''] = identity.split('/')
  return hostsByName.find(([pattern]) => pattern.test(host))?.[1] ?? null
}

const hostsByName: readonly (readonly [RegExp, ProviderName])[] = [
  [/^(?:ssh\.)?github\.com$|\.ghe\.com$|^github\./, 'github'],
  [/^(?:altssh\.)?gitlab\.com$|^gitlab\./, 'gitlab'],
  [/^codeberg\.org$|^forgejo\./, 'forgejo'],
  [/^gitea\.(?!com$)|^gitea\.com$/, 'gitea'],
  [/^(?:altssh\.)?bitbucket\.org$/, 'bitbucket'],
  [/^gitee\.com$/, 'gitee'],
  [/^(?:ssh\.)?dev\.azure\.com$/, 'azure'],
]

function nameOf({ identity }: Repository): string | null {
  const name = basename(identity)
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 63)
  return name === '' ? null : name
}

export function folderOf({ file }: Pick<Answers, 'file'>): string {
  return dirname(file)
}

export function usage(message: string): CliError {
  return new CliError(message, { exitCode: exit.usage })
}
