import { cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { syncPath } from '../lib/sync-path.ts'
import { exists } from './repository-files.ts'

/**
 * Moves a file, directory or symbolic link (itself, never what it leads to) to `to`, or to `to-2`, `to-3` … when that
 * is taken. Across file systems it is copied, written to the disk and only then removed. Returns where it is now.
 */
export async function moveAside(from: string, to: string): Promise<string> {
  const target = await freeName(to)
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  try {
    await rename(from, target)
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error
    await copyAcross(from, target)
    await rm(from, { recursive: true, force: true })
  }
  return target
}

async function freeName(wanted: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : wanted.replace(/(\.git)?$/, `-${number}$1`)
    if (!(await exists(name))) return name
  }
}

async function copyAcross(from: string, target: string): Promise<void> {
  const beside = `${target}.new`
  await rm(beside, { recursive: true, force: true })
  // Sockets and pipes cannot be copied, and hold nothing.
  const filter = async (source: string) => {
    const found = await lstat(source)
    return found.isFile() || found.isDirectory() || found.isSymbolicLink()
  }
  await cp(from, beside, {
    recursive: true,
    verbatimSymlinks: true,
    preserveTimestamps: true,
    errorOnExist: true,
    filter,
  })
  await syncAll(beside)
  await rename(beside, target)
  await syncPath(dirname(target))
}

async function syncAll(path: string): Promise<void> {
  const found = await lstat(path)
  if (found.isSymbolicLink()) return
  if (found.isDirectory()) for (const name of await readdir(path)) await syncAll(join(path, name))
  await syncPath(path)
}
