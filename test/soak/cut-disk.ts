import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from './must.ts'

// A power cut without cutting any: ext4 lies on a loop device over a file of an XFS, and `cp --reflink` of that file is
// what a disk would hold if the machine lost its power at that moment: what was synced, and what the kernel happened to
// have written. The page cache is lost. Not modelled: drives that lie about a flush, torn sectors.

/** Why this machine cannot do it; null: it can. */
export function hindrance(): string | null {
  if (process.getuid?.() !== 0) return 'only root may mount'
  const missing = ['mkfs.xfs', 'mkfs.ext4', 'mount', 'losetup'].find((tool) => !isThere(tool))
  if (missing !== undefined) return `${missing} is missing`
  try {
    createCutDisk().remove()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export type CutDisk = {
  /** On this machine's own file system. */
  readonly folder: string
  readonly mounted: string
  /** Shows a new directory `name` of the disk at `path`, which must be an empty directory. */
  showAt(name: string, path: string): void
  /** Reads what would be left of the disk. */
  afterPowerCut<T>(read: (mounted: string) => T): T
  remove(): void
}

export function createCutDisk(): CutDisk {
  const folder = mkdtempSync(join(tmpdir(), 'deployhook-power-'))
  const at = (name: string): string => join(folder, name)
  const undo: (() => void)[] = [
    () => {
      rmSync(folder, { recursive: true, force: true })
    },
  ]
  const remove = (): void => {
    for (const step of undo.toReversed()) step()
  }
  const mount = (image: string, place: string): (() => void) => {
    mkdirSync(place, { recursive: true })
    must('mount', ['-o', 'loop', image, place])
    return () => {
      must('umount', [place])
    }
  }
  try {
    makeImage(at('outer.img'), 400 << 20)
    must('mkfs.xfs', ['-q', '-m', 'reflink=1', at('outer.img')])
    undo.push(mount(at('outer.img'), at('outer')))
    const image = join(at('outer'), 'disk.img')
    makeImage(image, 128 << 20)
    must('mkfs.ext4', ['-q', image])
    undo.push(mount(image, at('disk')))
    const cut = join(at('outer'), 'cut.img')
    must('cp', ['--reflink=always', image, cut])
    return {
      folder,
      mounted: at('disk'),
      remove,
      showAt(name, path) {
        mkdirSync(join(at('disk'), name), { mode: 0o700 })
        must('mount', ['--bind', join(at('disk'), name), path])
        undo.push(() => {
          must('umount', [path])
        })
      },
      afterPowerCut(read) {
        must('cp', ['--reflink=always', image, cut])
        const unmount = mount(cut, at('cut'))
        try {
          return read(at('cut'))
        } finally {
          unmount()
        }
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

/** A file of that many bytes which takes no room yet. */
function makeImage(path: string, bytes: number): void {
  writeFileSync(path, '')
  truncateSync(path, bytes)
}

function isThere(tool: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', tool]).status === 0
}
