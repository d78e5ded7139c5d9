import { chown, mkdir, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { isScarcity } from '../lib/scarcity.ts'
import type { Command } from './command.ts'
import { systemPath } from './environment.ts'
import { openFifo, type Fifo } from './fifo.ts'

/** Opens a FIFO that nobody has used, or says by which of the system's codes there is no process or file for it. */
export type Fifos = { open(user: Command['user']): Promise<Fifo | string> }

type Program = (
  argv: readonly [string, ...string[]],
  options: { readonly env: Readonly<Record<string, string>>; readonly timeoutMs: number },
) => Promise<void>

/**
 * FIFOs that have a name in `directory` (made 0700 when needed) until they are opened. Node cannot make one, and a
 * process takes longer than all else that starts a step: so one process makes several.
 */
export function createFifos(directory: string, run: Program): Fifos {
  const ready: string[] = []
  let isSwept = false

  return {
    async open(user) {
      try {
        return (await openReady(user)) ?? (await openNew(user))
      } catch (error) {
        const code = errorCode(error)
        if (code !== null && isScarcity(error)) return code
        throw error
      }
    },
  }

  async function openReady(user: Command['user']): Promise<Fifo | null> {
    const path = ready.pop()
    if (path === undefined) return null
    try {
      return await openAs(user, path)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') {
        ready.length = 0 // Somebody has emptied the directory.
        return null
      }
      ready.push(path)
      throw error
    }
  }

  async function openNew(user: Command['user']): Promise<Fifo> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    if (!isSwept) await removeUnused()
    const own = await mkdtemp(join(directory, prefix))
    const [first = '', ...others] = Array.from({ length: atOnce }, (_, at) => join(own, String(at)))
    await run(['mkfifo', '-m', '600', '--', first, ...others], { env: { PATH: systemPath }, timeoutMs: 10_000 })
    ready.push(...others)
    return openAs(user, first)
  }

  /** What a daemon before us made and did not need. The directory is this one's alone. */
  async function removeUnused(): Promise<void> {
    isSwept = true
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix))
    await Promise.all(names.map((name) => rm(join(directory, name), { recursive: true, force: true })))
  }

  async function openAs(user: Command['user'], path: string): Promise<Fifo> {
    // Whose it is decides who can open it again, as > /dev/stdout does.
    if (user !== undefined) await chown(path, user.uid, user.gid)
    const fifo = openFifo(path)
    await rmdir(join(path, '..')).catch(() => undefined) // That was the last one of its directory.
    return fifo
  }
}

const prefix = 'pipe-'
const atOnce = 16
