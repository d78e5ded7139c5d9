import { readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inflateRawSync, inflateSync } from 'node:zlib'
import type { Canary, Find } from './kinds.ts'

export type Hit = { readonly kind: string; readonly place: string; readonly form: string }

/** The witness: looks where secrets must not be, and remembers what it saw there. */
export type Look = {
  readonly hits: readonly Hit[]
  /** What was said or written by or for somebody. */
  said(place: string, text: string | Buffer): void
  /** Every file below a directory; `isLive`: while work is under way, so that some may be there for it. */
  files(directory: string, options?: { readonly isLive?: true }): Promise<void>
  /** A database (whole, as one file) with the bodies that it keeps compressed. */
  database(file: string): Promise<void>
  /** Every process of the machine, until stopped. */
  processes(options: { readonly daemon: number; readonly mark: string }): Processes
}

export type Processes = {
  /** What kinds of process were seen by now: `git`, `step`, `report`, `other`. */
  readonly seen: ReadonlySet<string>
  stop(): void
}

export function createLook(find: Find): Look {
  const hits = new Map<string, Hit>()
  const isNothing = (): boolean => false

  function look(place: string, bytes: Buffer, isAllowed: (canary: Canary) => boolean = isNothing): void {
    for (const { canary, form } of find(bytes)) {
      const hit = { kind: canary.name, place, form }
      if (!isAllowed(canary)) hits.set(JSON.stringify(hit), hit)
    }
  }

  return {
    get hits() {
      return [...hits.values()]
    },

    said(place, text) {
      look(place, Buffer.from(text))
    },

    async files(directory, { isLive = false } = {}) {
      for (const file of await filesBelow(directory)) {
        const name = relative(directory, file)
        look(`name of ${place(name)}`, Buffer.from(name))
        const read = await Promise.all([readFile(file), stat(file)]).catch(() => null) // gone meanwhile
        if (read === null) continue
        const [bytes, { mode }] = read
        look(`file ${place(name)}`, plain(name, bytes), ({ keptIn }) => {
          return isLive && keptIn?.path.test(name) === true && (mode & 0o777) === keptIn.mode
        })
      }
    },

    async database(file) {
      look('database', await readFile(file))
      const database = new DatabaseSync(file, { readOnly: true })
      const bodies = database.prepare('select body from bodies').all()
      database.close()
      for (const { body } of bodies) if (body instanceof Uint8Array) look('kept body', inflateRawSync(body))
    },

    processes({ daemon, mark }) {
      const seen = new Set<string>()
      const known = new Set<string>()
      const daemonArgs = read(`/proc/${daemon}/cmdline`)
      const timer = setInterval(all, 50)
      return {
        seen,
        stop: () => {
          clearInterval(timer)
        },
      }

      function all(): void {
        for (const pid of readdirSync('/proc')) if (/^\d+$/.test(pid) && !known.has(pid)) one(pid)
      }

      function one(pid: string): void {
        const args = read(`/proc/${pid}/cmdline`)
        // Between fork and exec a child is still its parent: it is looked at again.
        if (args === '' || (args === daemonArgs && Number(pid) !== daemon)) return
        known.add(pid)
        if (Number(pid) === daemon || Number(pid) === process.pid) return
        const environment = read(`/proc/${pid}/environ`)
        const kind = kindOf(args, environment)
        look(`arguments of ${kind}`, Buffer.from(args))
        if (!environment.includes(mark)) return
        seen.add(kind)
        look(
          `environment of ${kind}`,
          Buffer.from(environment),
          ({ givenTo }) => givenTo !== undefined && environment.includes(givenTo),
        )
      }
    },
  }
}

/** Some directories go away meanwhile. */
async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  const found = entries.map((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return filesBelow(path)
    return Promise.resolve(entry.isFile() ? [path] : [])
  })
  return (await Promise.all(found)).flat()
}

/** Loose objects of git are compressed. */
function plain(name: string, bytes: Buffer): Buffer {
  return /objects\/[0-9a-f]{2}\/[0-9a-f]{38}$/.test(name) ? inflateSync(bytes) : bytes
}

/** Without what differs each time. */
function place(name: string): string {
  return name.replace(/[0-9a-f-]{36,}/g, 'ID').replace(/\d+/g, 'N')
}

function kindOf(args: string, environment: string): string {
  if (environment.includes('DEPLOYHOOK_REPORT=')) return 'report'
  if (environment.includes('DEPLOYHOOK_APP=')) return 'step'
  return /^(?:\S*\/)?(?:git|ssh|sh|\/bin\/sh)/.test(args) && environment.includes('GIT_CONFIG_GLOBAL=')
    ? 'git'
    : 'other'
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // ended meanwhile
  }
}
