import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { formatSize } from '../lib/size.ts'

/** Keeps deployments from filling a disk that the database, and others, need room on. */
export type DiskFloor = {
  /** What is wrong with the disks that these paths lie on, one sentence for each disk with its cure; empty: nothing is. */
  problems(paths: readonly string[]): Promise<readonly string[]>
  /** The same before something is started: what is ours to forget is forgotten first. */
  roomFor(paths: readonly string[]): Promise<string | null>
  /**
   * What is wrong with a disk that is so full that whatever fails may fail for that: below half of the floor, or, where
   * there is no floor, nearly at its end. null: there is room.
   */
  full(paths: readonly string[]): Promise<string | null>
  /**
   * Runs `work` and aborts its signal when a disk falls below half of the floor, so that a build may use some of the
   * reserve and not all of it. `problem`: why that was done.
   */
  guard<T>(paths: readonly string[], work: (signal: AbortSignal) => Promise<T>): Promise<Guarded<T>>
}

export type Guarded<T> = { readonly result: T; readonly problem: string | null }

export type DiskFloorDeps = {
  /** null: 1 GiB, or 5 % of a disk that is smaller than 20 GiB. 0: no floor. */
  readonly minFreeBytes: () => number | null
  /** Forgets what the daemon can do without. */
  readonly makeRoom: () => Promise<void>
  /** Between two looks while something runs. */
  readonly everyMs: number
  /** As node:fs has it; answers are in blocks. */
  readonly statDisk?: (path: string) => Promise<Disk>
}

type Disk = {
  /** Which one it is. */
  readonly dev: number
  readonly bsize: number
  readonly blocks: number
  /** For users other than root. */
  readonly bavail: number
  /** 0 where the file system makes inodes as it needs them. */
  readonly files: number
  readonly ffree: number
}

export function createDiskFloor(deps: DiskFloorDeps): DiskFloor {
  const { minFreeBytes, makeRoom, everyMs, statDisk = realDisk } = deps
  return {
    problems: (paths) => problems(paths, 1),
    full: async (paths) => (await problems(paths, 0.5))[0] ?? (await endsOf(paths))[0] ?? null,
    async roomFor(paths) {
      if ((await problems(paths, 1)).length === 0) return null
      await makeRoom()
      return (await problems(paths, 1))[0] ?? null
    },
    async guard(paths, work) {
      const low = new AbortController()
      let problem: string | null = null
      const timer = setInterval(() => void look(), everyMs).unref()
      try {
        return { result: await work(low.signal), problem }
      } finally {
        clearInterval(timer)
      }

      async function look(): Promise<void> {
        const [found] = await problems(paths, 0.5)
        if (found === undefined || problem !== null) return
        problem = found
        low.abort()
      }
    },
  }

  async function problems(paths: readonly string[], part: number): Promise<readonly string[]> {
    const found = new Map<number, string>()
    for (const { path, disk } of await disksOf(paths)) {
      const problem = found.has(disk.dev) ? null : (bytesProblem(path, disk, part) ?? inodesProblem(path, disk, part))
      if (problem !== null) found.set(disk.dev, problem)
    }
    return [...found.values()]
  }

  async function disksOf(paths: readonly string[]): Promise<readonly { path: string; disk: Disk }[]> {
    const disks = await Promise.all(paths.map(async (path) => ({ path, disk: await diskOf(path) })))
    return disks.flatMap(({ path, disk }) => (disk === null ? [] : [{ path, disk }]))
  }

  function bytesProblem(path: string, { bsize, blocks, bavail }: Disk, part: number): string | null {
    const floor = minFreeBytes() ?? Math.min(usualFloorBytes, blocks * bsize * usualShare)
    const free = bavail * bsize
    if (free >= floor * part) return null
    return (
      `the disk that ${path} lies on has ${formatSize(free)} free, ${lessThan(part)} the ${formatSize(floor)} that deployhook ` +
      `leaves free (server.min_free): make room (df -h ${path}); then it is deployed by itself`
    )
  }

  function inodesProblem(path: string, { files, ffree }: Disk, part: number): string | null {
    const floor = minFreeBytes() === 0 ? 0 : Math.min(usualFloorInodes, files * usualShare)
    if (ffree >= floor * part) return null
    return (
      `the disk that ${path} lies on has room for ${ffree} more files, ${lessThan(part)} the ${Math.ceil(floor)} that deployhook ` +
      `leaves: remove files that nobody needs (df -i ${path}); then it is deployed by itself`
    )
  }

  async function endsOf(paths: readonly string[]): Promise<readonly string[]> {
    const ended = (await disksOf(paths)).filter(({ disk }) => isAtItsEnd(disk))
    return ended.map(
      ({ path }) =>
        `the disk that ${path} lies on is full: make room (df -h ${path}; df -i ${path}); then it is deployed by itself`,
    )
  }

  /** Of the nearest directory that is there; null: it cannot be told, which is not for us to judge. */
  async function diskOf(path: string): Promise<Disk | null> {
    try {
      return await statDisk(path)
    } catch (error) {
      if (errorCode(error) === 'ENOENT' && dirname(path) !== path) return diskOf(dirname(path))
      return null
    }
  }
}

function lessThan(part: number): string {
  return part === 1 ? 'less than' : 'less than half of'
}

async function realDisk(path: string): Promise<Disk> {
  const [{ bsize, blocks, bavail, files, ffree }, { dev }] = await Promise.all([statfs(path), stat(path)])
  return { dev, bsize, blocks, bavail, files, ffree }
}

function isAtItsEnd({ bsize, blocks, bavail, files, ffree }: Disk): boolean {
  const bytes = Math.min(endBytes, blocks * bsize * endShare)
  return bavail * bsize < bytes || ffree < Math.min(endInodes, files * endShare)
}

export const noFloor: DiskFloor = {
  problems: () => Promise.resolve([]),
  full: () => Promise.resolve(null),
  roomFor: () => Promise.resolve(null),
  guard: async (_, work) => ({ result: await work(new AbortController().signal), problem: null }),
}

const usualFloorBytes = 2 ** 30
const usualFloorInodes = 10_000
const usualShare = 0.05

const endBytes = 2 ** 20
const endInodes = 64
const endShare = 0.01
