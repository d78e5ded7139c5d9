import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { arches, type Build } from './build.ts'
import { packDeb } from './deb.ts'
import { buildInstallTree } from './install-tree.ts'
import { packNpm } from './npm.ts'
import { compile } from './program.ts'
import { packTarball } from './tarball.ts'

const kinds = ['npm', 'tarball', 'deb'] as const

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'dist/packages' },
    arch: { type: 'string', default: 'x64' },
    version: { type: 'string' },
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
  },
})

const root = join(import.meta.dirname, '..')
const only = values.only ?? kinds
const unknown = only.find((kind) => !kinds.some((known) => known === kind))
const arch = arches.find((known) => known === values.arch)
if (unknown !== undefined || arch === undefined)
  throw new Error(`--arch is one of ${arches.join(' ')}; --only one of ${kinds.join(' ')}`)

const out = resolve(values.out)
mkdirSync(out, { recursive: true })
const work = mkdtempSync(join(tmpdir(), 'deployhook-package-'))
try {
  const build: Build = {
    root,
    work,
    out,
    version: values.version ?? ownVersion(),
    epoch: epochOf(),
    arch,
    isQuick: values.quick,
  }
  compile(build)
  const packages: string[] = []
  if (only.includes('npm')) packages.push(packNpm(build))
  if (only.includes('tarball') || only.includes('deb')) {
    const tree = await buildInstallTree(build)
    if (only.includes('tarball')) packages.push(packTarball(build, tree))
    if (only.includes('deb')) packages.push(packDeb(build, tree))
  }
  tell(packages)
} finally {
  rmSync(work, { recursive: true })
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
}

/** The same source makes the same packages: they bear the time of its last commit. */
function epochOf(): number {
  const given = process.env['SOURCE_DATE_EPOCH']
  const seconds = given ?? execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }).trim()
  if (!/^\d+$/.test(seconds)) throw new Error('SOURCE_DATE_EPOCH is the seconds since 1970')
  return Number(seconds)
}

/** `sha256sum -c SHA256SUMS` tells whether they have arrived as they were made. */
function tell(packages: readonly string[]): void {
  const sums = packages.map((file) => ({ file, sum: createHash('sha256').update(readFileSync(file)).digest('hex') }))
  writeFileSync(join(out, 'SHA256SUMS'), sums.map(({ file, sum }) => `${sum}  ${basename(file)}\n`).join(''))
  for (const { file } of sums) process.stdout.write(`${file}\n`)
}
