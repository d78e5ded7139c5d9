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
import { basename, join } from 'node:path'
import { errorCode } from '../../src/lib/error-code.ts'
import { must } from './must.ts'

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
  /** As a broken one does: nothing can be written to it from here on. ext4 only. */
  turnReadOnly(): void
  /** What a person does about it, once nobody uses it any more: checks it, and mounts it anew. */
  mend(): void
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
  const shown: { readonly name: string; readonly path: string }[] = []
  try {
    mkdirSync(disk)
    if (kind !== 'tmpfs') format(kind, image)
    mount(kind, { image, disk })
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }

  return {
    showAt(name, path) {
      mkdirSync(join(disk, name), { mode: 0o700 })
      must('mount', ['--bind', join(disk, name), path])
      shown.push({ name, path })
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
    turnReadOnly() {
      writeFileSync(`/sys/fs/ext4/${loopDeviceOf(disk)}/trigger_fs_error`, '1')
    },
    mend() {
      for (const path of [...shown.map(({ path }) => path), disk]) must('umount', [path])
      // Its exit code tells what it did: up to 2, all is well again.
      if ((spawnSync('e2fsck', ['-fy', image]).status ?? 8) > 2) throw new Error(`e2fsck could not mend ${image}`)
      mount(kind, { image, disk })
      for (const { name, path } of shown) must('mount', ['--bind', join(disk, name), path])
    },
    remove() {
      for (const { path } of shown.splice(0)) spawnSync('umount', ['-l', path])
      spawnSync('umount', ['-l', disk]) // steps of a killed daemon may still be in it
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const slack = 2 ** 20

function format(kind: Exclude<DiskKind, 'tmpfs'>, image: string): void {
  writeFileSync(image, '')
  truncateSync(image, 192 * 2 ** 20)
  const blocks = kind === 'ext4-1k' ? '1024' : '4096'
  // Root, as which this runs, could use what is reserved: nothing is.
  must('mkfs.ext4', ['-q', '-b', blocks, '-N', '3000', '-m', '0', '-E', 'lazy_itable_init=0', image])
}

function mount(kind: DiskKind, { image, disk }: { readonly image: string; readonly disk: string }): void {
  if (kind === 'tmpfs') must('mount', ['-t', 'tmpfs', '-o', 'size=192m,nr_inodes=3000,mode=755', 'none', disk])
  else must('mount', ['-o', 'loop,errors=remount-ro', image, disk])
}

/** Such as `loop0`. */
function loopDeviceOf(disk: string): string {
  const { stdout } = spawnSync('findmnt', ['--noheadings', '--output', 'SOURCE', disk], { encoding: 'utf8' })
  return basename(stdout.trim())
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
