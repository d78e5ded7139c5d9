import { lstat, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../lib/error-code.ts'
import { isDirectory } from '../../lib/is-directory.ts'
import type { App } from '../../model/deploy-map.ts'

/** Where the releases of an app lie, and what belongs to them. */
export function layoutOf({ path, name }: Pick<App, 'path' | 'name'>, stateDirectory: string) {
  const releases = join(path, 'releases')
  const records = join(stateDirectory, 'releases', name)
  const views = join(stateDirectory, 'views', `${name}.releases`)
  return {
    path,
    releases,
    shared: join(path, 'shared'),
    current: join(path, 'current'),
    records,
    views,
    directoryOf: (release: string) => join(releases, release),
    recordOf: (release: string) => join(records, `${release}.json`),
    viewOf: (release: string) => join(views, `${release}.git`),
  }
}

export type Layout = ReturnType<typeof layoutOf>

/** Below `releases/`: a release being made lies here, where nobody else can look into it. */
export function makingName({ deployment, attempt }: { readonly deployment: number; readonly attempt: number }): string {
  return `.making-${deployment}-${attempt}`
}

export function isHalfMade(name: string): boolean {
  return /^\.making-\d+-\d+$/.test(name)
}

/** What `current` leads to: a release by its name, something else, or nothing. */
export type Current =
  | { readonly kind: 'release'; readonly name: string }
  | { readonly kind: 'other'; readonly what: string }
  | { readonly kind: 'none' }

export async function readCurrent({ current, releases }: Layout): Promise<Current> {
  const found = await lstatOrNull(current)
  if (found === null) return { kind: 'none' }
  if (!found.isSymbolicLink()) return { kind: 'other', what: `${current} is not a symbolic link` }
  const target = await readlink(current)
  const name = /^(?:\.\/)?releases\/([^/]+)\/?$/.exec(target)?.[1] ?? nameBelow(releases, target)
  return name === null
    ? { kind: 'other', what: `${current} leads to ${JSON.stringify(target)}` }
    : { kind: 'release', name }
}

/** What stands where a part of the layout belongs and cannot be it, with the cure; null: nothing does. */
export async function layoutProblem({ path, current, releases, shared }: Layout): Promise<string | null> {
  const link = await lstatOrNull(path)
  if (link?.isSymbolicLink() === true) return `${path} is a symbolic link. Give the directory that it leads to as path.`
  const live = await lstatOrNull(current)
  if (live !== null && !live.isSymbolicLink())
    return `${current} is not a symbolic link: move it away, or give another path.`
  for (const part of [releases, shared]) {
    if ((await lstatOrNull(part)) === null) continue
    const isThere = part === releases ? isDirectory(part) : await leadsToDirectory(part)
    if (!isThere) return `${part} is not a directory: move it away, or give another path.`
  }
  return null
}

async function leadsToDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** null: nothing is there. */
export async function lstatOrNull(path: string) {
  return lstat(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  })
}

/** An absolute link, as Capistrano makes it. */
function nameBelow(releases: string, target: string): string | null {
  const rest = target.startsWith(`${releases}/`) ? target.slice(releases.length + 1).replace(/\/$/, '') : ''
  return /^[^/]+$/.test(rest) && rest !== '..' ? rest : null
}
