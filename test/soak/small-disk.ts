import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorCode } from '../../src/lib/error-code.ts'

/** With blocks of 4 KiB as usual; of 1 KiB, where SQLite's shared memory can meet the end of the disk; in memory. */
export const diskKinds = ['ext4', 'ext4-1k', 'tmpfs'] as const
export type DiskKind = (typeof diskKinds)[number]

/** A disk of 192 MiB and 3,000 files, to be filled. */
export type SmallDisk = {
  /** Shows the directory `name` of the disk at `path`, which must be an empty directory. */
  showAt(name: string, path: string): void
  /** Fills it until so many bytes are free. */
  fill(leaveBytes: number): void
  /** Fills it until no further file can be made. */
  fillWithFiles(): void
  /** Removes what it was filled with. */
  free(): void
  remount(how: 'ro' | 'rw'): void
  remove(): void
}

/** Why this machine cannot do it; null: it can. */
export function hindrance(kind: DiskKind): string | null {
  if (process.getuid?.() !== 0) return 'only root may mount'
  try {
    createSmallDisk(kind).remove()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export function createSmallDisk(kind: DiskKind): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'deployhook-disk-'))
  const image = join(folder, 'disk.img')
  const disk = join(folder, 'disk')
  const ballast = join(disk, 'ballast')
  const shown: string[] = []
  try {
    mkdirSync(disk)
    mount(kind, { image, disk })
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }

  return {
    showAt(name, path) {
      mkdirSync(join(disk, name), { mode: 0o700 })
      must('mount', ['--bind', join(disk, name), path])
      shown.push(path)
    },
    fill(leaveBytes) {
      mkdirSync(ballast, { recursive: true })
      const free = freeBytes(disk)
      if (free > leaveBytes + slack) must('fallocate', ['-l', String(free - leaveBytes - slack), join(ballast, 'most')])
      writeUntilFull(join(ballast, 'rest'), () => freeBytes(disk) <= leaveBytes)
    },
    fillWithFiles() {
      mkdirSync(ballast, { recursive: true })
      for (let number = 0; ; number++) {
        try {
          writeFileSync(join(ballast, `${number}`), '')
        } catch (error) {
          if (errorCode(error) === 'ENOSPC') return
          throw error
        }
      }
    },
    free() {
      rmSync(ballast, { recursive: true, force: true })
    },
    remount(how) {
      for (const path of [disk, ...shown]) must('mount', ['-o', `remount,bind,${how}`, path])
    },
    remove() {
      for (const path of shown.splice(0)) spawnSync('umount', ['-l', path])
      spawnSync('umount', ['-l', disk]) // steps of a killed daemon may still be in it
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const slack = 2 ** 20

function mount(kind: DiskKind, { image, disk }: { readonly image: string; readonly disk: string }): void {
  if (kind === 'tmpfs') {
    must('mount', ['-t', 'tmpfs', '-o', 'size=192m,nr_inodes=3000,mode=755', 'none', disk])
    return
  }
  writeFileSync(image, '')
  truncateSync(image, 192 * 2 ** 20)
  const blocks = kind === 'ext4-1k' ? '1024' : '4096'
  // Root, as which this runs, could use what is reserved: nothing is.
  must('mkfs.ext4', ['-q', '-b', blocks, '-N', '3000', '-m', '0', '-E', 'lazy_itable_init=0', image])
  must('mount', ['-o', 'loop', image, disk])
}

function freeBytes(disk: string): number {
  const { bavail, bsize } = statfsSync(disk)
  return bavail * bsize
}

function writeUntilFull(file: string, isEnough: () => boolean): void {
  const handle = openSync(file, 'a')
  try {
    while (!isEnough()) writeSync(handle, Buffer.alloc(1024, 1))
  } catch (error) {
    if (errorCode(error) !== 'ENOSPC') throw error
  } finally {
    closeSync(handle)
  }
}

function must(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args)
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.toString().trim()}`)
}
