import { chmodSync, cpSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Build } from './build.ts'
import { run } from './run.ts'

type PackageJson = Readonly<Record<string, unknown>>

/** Compiles src/, once for all packages of a build. */
export function compile({ root, work }: Build): void {
  const into = compiledIn(work)
  run([join(root, 'node_modules/.bin/tsc'), '-p', 'src', '--outDir', into], { cwd: root })
  cpSync(join(root, 'src/store/migrations'), join(into, 'store/migrations'), { recursive: true })
  chmodSync(join(into, 'main.js'), 0o755)
}

/** `<directory>/dist`, beside a package.json that says no more than what runs it and what it needs. */
export function writeProgram(directory: string, { root, work, version }: Build): void {
  cpSync(compiledIn(work), join(directory, 'dist'), { recursive: true })
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PackageJson
  const published = Object.fromEntries(Object.entries(manifest).filter(([key]) => !ofTheCheckout.has(key)))
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify({ ...published, version }, null, 2)}\n`)
}

/** Of package.json, what is of no use without the sources. */
const ofTheCheckout = new Set(['scripts', 'devDependencies', 'prettier', 'allowScripts'])

function compiledIn(work: string): string {
  return join(work, 'compiled')
}

type Lock = { readonly packages: Readonly<Record<string, { readonly dev?: true; readonly devOptional?: true }>> }

/** Copies exactly the packages that package-lock.json wants at run time, without what nobody reads there. */
export function writeDependencies(directory: string, { root }: Build): void {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock
  for (const [path, { dev, devOptional }] of Object.entries(lock.packages)) {
    if (path === '' || dev === true || devOptional === true) continue
    const from = join(root, path)
    const isWanted = (file: string): boolean => file === from || !isSuperfluous(file.slice(from.length + 1))
    cpSync(from, join(directory, path), { recursive: true, filter: isWanted, verbatimSymlinks: true })
  }
  removeEmpty(join(directory, 'node_modules'))
  // They are imported, never executed.
  run(['find', directory, '-type', 'f', '-exec', 'chmod', '0644', '{}', '+'])
}

/** Directories of a package, at its top, that no program imports from. */
const notForRunning = new Set([
  ...['benchmark', 'benchmarks', 'docs', 'example', 'examples', 'integration', 'scripts', 'test', 'tests'],
])

/** `path` is below a package. Its licence stays, and so does package.json. Packages within are copied on their own. */
function isSuperfluous(path: string): boolean {
  if (notForRunning.has(path) || path === 'node_modules') return true
  const name = basename(path)
  if (/^(licen[cs]e|copying|notice)/i.test(name)) return false
  return name.startsWith('.') || name.startsWith('eslint.config.') || /\.(map|md|markdown|html|[cm]?ts)$/.test(name)
}

function removeEmpty(directory: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    if (lstatSync(path).isDirectory()) removeEmpty(path)
  }
  if (readdirSync(directory).length === 0) rmSync(directory, { recursive: true })
}
