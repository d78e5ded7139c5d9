import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from '../support/until.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export type Packages = { readonly npm: string; readonly tarball: string; readonly deb: string; readonly sums: string }

const cache = join(root, 'node_modules/.cache/deployhook-packages')

/** The packages of the source as it is now, built as `npm run package` does, once for all test files. */
export async function builtPackages(): Promise<Packages> {
  const directory = join(cache, hashOfSource())
  if (!existsSync(directory)) await buildOnce(directory)
  const find = (end: string): string => {
    const name = readdirSync(directory).find((file) => file.endsWith(end))
    if (name === undefined) throw new Error(`no ${end} was built`)
    return join(directory, name)
  }
  return { npm: find('.tgz'), tarball: find('.tar.gz'), deb: find('.deb'), sums: find('SHA256SUMS') }
}

/** Whoever makes the directory builds; the others wait. */
async function buildOnce(directory: string): Promise<void> {
  const lock = `${directory}.${process.ppid}.lock`
  mkdirSync(cache, { recursive: true })
  try {
    mkdirSync(lock)
  } catch {
    await until('the packages', () => existsSync(directory) || !existsSync(lock), { withinMs: 600_000, everyMs: 200 })
    if (!existsSync(directory)) throw new Error('another test file could not build the packages')
    return
  }
  try {
    const out = join(lock, 'packages')
    await promisify(execFile)(process.execPath, ['packaging/main.ts', '--quick', '--out', out], { cwd: root })
    for (const old of readdirSync(cache)) if (!old.endsWith('.lock')) rmSync(join(cache, old), { recursive: true })
    renameSync(out, directory)
  } finally {
    rmSync(lock, { recursive: true })
  }
}

function hashOfSource(): string {
  const patterns = ['src/**/*', 'packaging/**/*', 'systemd/**/*', 'docs/**/*', '*.md', '*.json', 'deploy.yml.example']
  const entries = globSync(patterns, { cwd: root, withFileTypes: true }).filter((entry) => entry.isFile())
  const hash = createHash('sha256')
  for (const file of entries.map(({ parentPath, name }) => join(parentPath, name)).sort())
    hash.update(`${file}\0`).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}
