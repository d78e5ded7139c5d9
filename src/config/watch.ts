import { readlinkSync, statSync, watch, type FSWatcher } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

export type WatchOptions = {
  /** Ends the watch. */
  readonly signal: AbortSignal
  /** The file is another one than before: called once for a burst of changes, when it has been quiet. */
  readonly onChange: () => void | Promise<void>
  /** What `onChange` throws or rejects with; nothing else is reported. */
  readonly onError?: (error: unknown) => void
  readonly quietMs?: number
  /** How often to look even when nothing was heard: network file systems tell nobody, and directories are replaced. */
  readonly lookEveryMs?: number
}

/**
 * Watches deploy.yml from now on: by its directory, so that an editor's write-and-rename is seen, and by that of every
 * link on the way to it (Kubernetes swaps `..data`). Compares inode, size and times, so that neighbours are no change.
 */
export function watchDeployMap(file: string, options: WatchOptions): void {
  const { signal, onChange, onError = () => undefined, quietMs = 200, lookEveryMs = 30_000 } = options
  if (signal.aborted) return
  const watchers = new Map<string, FSWatcher>()
  let seen = identityOf(file)
  let quiet: NodeJS.Timeout | undefined
  const looking = setInterval(look, lookEveryMs).unref()
  follow()
  signal.addEventListener('abort', end, { once: true })

  function look(): void {
    follow()
    const now = identityOf(file)
    if (now === seen) return
    seen = now
    clearTimeout(quiet)
    quiet = setTimeout(tell, quietMs)
  }

  function tell(): void {
    if (signal.aborted) return
    Promise.resolve().then(onChange).catch(onError)
  }

  /** Watches the directories that matter now, and no others. */
  function follow(): void {
    const wanted = new Set(directoriesOf(file))
    for (const [directory, watcher] of watchers) if (!wanted.has(directory)) forget(directory, watcher)
    for (const directory of wanted) if (!watchers.has(directory)) listen(directory)
  }

  function listen(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, (event, name) => {
        // A directory that was moved or removed goes on as a watch of nothing: make a new one at the next look.
        if (event === 'rename' && name === basename(directory)) forget(directory, watcher)
        look()
      })
      watcher.on('error', () => {
        forget(directory, watcher)
      })
      watchers.set(directory, watcher)
    } catch {
      // Missing, or out of watches: the look at intervals remains.
    }
  }

  function forget(directory: string, watcher: FSWatcher): void {
    watcher.close()
    watchers.delete(directory)
  }

  function end(): void {
    clearInterval(looking)
    clearTimeout(quiet)
    for (const [directory, watcher] of watchers) forget(directory, watcher)
  }
}

/** Changes whenever the file does; empty when there is none. */
function identityOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs, mode, uid } = statSync(file, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs, mode, uid].join(':')
  } catch {
    return ''
  }
}

/** The directory of the file and of each link that leads to it: where something happens when it is replaced. */
function directoriesOf(file: string): readonly string[] {
  const directories = new Set<string>()
  let path = resolve(file)
  for (let hops = 0; hops < 40; hops += 1) {
    const link = firstLinkOf(path)
    directories.add(dirname(link?.at ?? path))
    if (link === null) break
    path = link.leadsTo
    directories.add(dirname(path))
  }
  return [...directories]
}

/** The first part of a path that is a link, and the path with that link followed. */
function firstLinkOf(path: string): { readonly at: string; readonly leadsTo: string } | null {
  const parts = path.split('/').filter((part) => part !== '')
  let at = '/'
  for (const [index, part] of parts.entries()) {
    at = join(at, part)
    const target = readLink(at)
    if (target !== null) return { at, leadsTo: resolve(dirname(at), target, ...parts.slice(index + 1)) }
  }
  return null
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
