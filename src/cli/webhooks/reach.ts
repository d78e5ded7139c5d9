import { resolve } from 'node:path'
import { createCall, HostProblem, type GitHost, type Hook, type Hooks } from '../../hosts/index.ts'
import { Secret } from '../../lib/secret.ts'
import { CliError, exit } from '../cli-error.ts'
import type { Cli } from '../command.ts'
import { variable } from '../locations.ts'
import { oneLine } from '../text.ts'
import type { HostOptions } from './commands.ts'
import { usage, type Place } from './place.ts'

export const tokenVariable = 'DEPLOYHOOK_HOST_TOKEN'

/** Opens the hooks of repositories of one host, with the token that was named. */
export type Reach = (
  place: Pick<Place, 'path' | 'apiUrl'> & {
    /** Newer than what deploy.yml named when the command began: never repeated either. */
    readonly secrets?: readonly Secret[]
  },
) => Hooks

/**
 * Does something at a git host. What the host refuses becomes the command's failure, on one line and harmless; Ctrl-C
 * ends what is being asked.
 */
export async function reaching<Result>(
  { host, map }: Pick<Place, 'host' | 'map'>,
  {
    options,
    cli,
    act,
  }: {
    readonly options: HostOptions
    readonly cli: Cli
    readonly act: (reach: Reach, signal: AbortSignal) => Promise<Result>
  },
): Promise<Result> {
  const token = await tokenOf(options, { cli, host })
  const secrets = [token, ...[...map.webhooks.values()].flatMap((webhook) => webhook.secrets)]
  const ending = new AbortController()
  const forget = cli.io.onInterrupt(() => {
    ending.abort()
  })
  try {
    return await act(({ path, apiUrl, secrets: more = [] }) => {
      const call = createCall({
        ...{
          apiUrl,
          path,
          secrets: [...secrets, ...more],
          right: host.right,
          authorization: host.authorization(token),
        },
        ...{ proxy: proxyOf(cli), signal: ending.signal },
      })
      return host.hooksOf(path, call)
    }, ending.signal)
  } catch (error) {
    if (ending.signal.aborted) throw new CliError('left by Ctrl-C', { exitCode: exit.interrupted, cause: error })
    if (error instanceof HostProblem)
      throw new CliError(oneLine(error.message), { exitCode: exit.failed, cause: error })
    throw error
  } finally {
    forget()
  }
}

/** Those of a repository's hooks that lead to `url`. */
export function leadingTo(url: string, hooks: readonly Hook[]): readonly Hook[] {
  return hooks.filter((hook) => sameUrl(hook.url, url))
}

export function sameUrl(one: string, other: string): boolean {
  const [a, b] = [URL.parse(one), URL.parse(other)]
  return a !== null && b !== null && a.origin === b.origin && tidy(a.pathname) === tidy(b.pathname)
}

function tidy(pathname: string): string {
  return pathname.replace(/\/+$/, '')
}

async function tokenOf(
  { tokenFile, tokenEnv }: HostOptions,
  { cli, host }: { readonly cli: Cli; readonly host: GitHost },
): Promise<Secret> {
  if (tokenFile !== undefined && tokenEnv !== undefined) throw usage('give --token-file or --token-env, not both')
  const text = tokenFile === undefined ? fromVariable(tokenEnv ?? tokenVariable, cli) : await fromFile(tokenFile, cli)
  if (text === null)
    throw usage(
      `a token for the API of ${host.title} is needed: --token-file FILE, or ${oneLine(tokenEnv ?? tokenVariable)} in the environment. It needs ${host.right}.`,
    )
  if (!/^[\x21-\x7e]+$/.test(text)) throw usage('the token is empty, or holds a space or a character that no token has')
  return new Secret(text)
}

function fromVariable(name: string, { io }: Cli): string | null {
  return variable(io, name)
}

async function fromFile(named: string, { io }: Cli): Promise<string> {
  const { readSecretFile } = await import('../../config/index.ts')
  const read = await readSecretFile(resolve(io.cwd, named))
  if ('problem' in read) throw usage(`--token-file: ${oneLine(read.problem)}`)
  if (read.warning !== null) throw usage(`--token-file: ${oneLine(read.warning)}`)
  return read.text.trim()
}

function proxyOf({ io }: Cli): { readonly https: string | null; readonly except: string | null } {
  const either = (name: string): string | null => variable(io, name.toLowerCase()) ?? variable(io, name)
  return { https: either('HTTPS_PROXY') ?? either('ALL_PROXY'), except: either('NO_PROXY') }
}
