import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path/posix'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

/** The rows of DESIGN §5: what stands in a row imports from earlier rows only, and nothing of its own row but itself. */
const rows = [
  ['lib'],
  ['model'],
  ['config', 'providers', 'store', 'runner', 'reporters', 'hosts', 'match'],
  [
    ...['ingest', 'worker', 'catch-up', 'reload', 'explain', 'simulate', 'doctor', 'sample', 'sample-report', 'ledger'],
    ...['outbox', 'watchdog', 'upkeep', 'again'],
  ],
  ['http', 'cli'],
  ['app'],
  ['main'],
] as const

/** The named arrows within a row: deploy.yml knows the names and options of what can be plugged in. */
const arrows = [
  ['config', 'providers/index.ts'],
  ['config', 'reporters/index.ts'],
] as const

const mainImports: readonly string[] = ['app', 'cli']

/** Each package has one home, a file or a folder; null: none at all. */
const homes: Readonly<Record<string, string | null>> = {
  execa: 'runner/exec.ts',
  'simple-git': 'runner/git.ts',
  'node:sqlite': 'store/',
  yaml: 'config/',
  fastify: 'http/',
  commander: 'cli/',
  croner: 'lib/cron.ts',
  'node:child_process': null,
  child_process: null,
}

const maxLines = 250

type Tree = Readonly<Record<string, string>>

/** Everything in a tree of sources (paths below src/) that stands where it must not, one sentence each. */
function violations(tree: Tree): readonly string[] {
  return Object.entries(tree).flatMap(([path, text]) => {
    const { imports, exits, marks, recalls } = read(path, text)
    const found = imports.map((specifier) => importProblem(path, specifier, tree)).filter((problem) => problem !== null)
    if (exits && path !== 'main.ts') found.push('ends the process, which main.ts alone may')
    if (marks && !path.startsWith('providers/') && path !== 'model/delivery.ts')
      found.push('uses markVerified, which providers alone may')
    if (recalls && path !== 'store/recall.ts' && path !== 'model/delivery.ts')
      found.push('uses recallVerified, which store/recall.ts alone may')
    if (text.trimEnd().split('\n').length > maxLines) found.push(`is longer than ${maxLines} lines`)
    if (['utils.ts', 'types.ts'].includes(basename(path))) found.push('has a name that says nothing')
    return found.map((problem) => `${path} ${problem}`)
  })
}

function importProblem(path: string, specifier: string, tree: Tree): string | null {
  if (!specifier.startsWith('.')) return packageProblem(path, specifier)
  const target = join(dirname(path), specifier)
  if (tree[target] === undefined) return `imports ${target}, which is no file of src`
  const [from, to] = [unitOf(path), unitOf(target)]
  const [fromRow, toRow] = [rowOf(from), rowOf(to)]
  if (fromRow === -1) return 'stands in no row of the import order'
  if (from === to || arrows.some(([unit, file]) => unit === from && file === target)) return null
  if (from === 'main' && !mainImports.includes(to)) return `imports ${target}, which main may not`
  return toRow !== -1 && toRow < fromRow ? null : `imports ${target}, which is not in a row below`
}

function packageProblem(path: string, specifier: string): string | null {
  const name = Object.keys(homes).find((one) => specifier === one || specifier.startsWith(`${one}/`))
  const home = name === undefined ? undefined : homes[name]
  if (home === undefined) return null
  if (home === null) return `imports ${specifier}, which nobody may`
  return path === home || (home.endsWith('/') && path.startsWith(home))
    ? null
    : `imports ${specifier}, whose home is ${home}`
}

function unitOf(path: string): string {
  return (path.split('/')[0] ?? '').replace(/\.ts$/, '')
}

function rowOf(unit: string): number {
  return rows.findIndex((row: readonly string[]) => row.includes(unit))
}

type Source = {
  readonly imports: readonly string[]
  readonly exits: boolean
  readonly marks: boolean
  readonly recalls: boolean
}

/** What a file imports, in every form that TypeScript has, and whether it names `process.exit`, `markVerified` or `recallVerified`. */
function read(path: string, text: string): Source {
  const imports: string[] = []
  let exits = false
  let marks = false
  let recalls = false
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return { imports, exits, marks, recalls }

  function visit(node: ts.Node): void {
    const specifier = specifierOf(node)
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) imports.push(specifier.text)
    if (ts.isIdentifier(node) && node.text === 'markVerified') marks = true
    if (ts.isIdentifier(node) && node.text === 'recallVerified') recalls = true
    if (isExit(node)) exits = true
    ts.forEachChild(node, visit)
  }
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
  if (!ts.isCallExpression(node)) return undefined
  const { expression } = node
  const called = ts.isPropertyAccessExpression(expression) ? expression.name : expression
  const loads =
    called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && loaders.includes(called.text))
  return loads ? node.arguments[0] : undefined
}

const loaders: readonly string[] = ['require', 'getBuiltinModule']

function isExit(node: ts.Node): boolean {
  if (ts.isImportSpecifier(node)) {
    const from = node.parent.parent.parent.moduleSpecifier
    return (
      ts.isStringLiteral(from) &&
      /^(?:node:)?process$/.test(from.text) &&
      (node.propertyName ?? node.name).text === 'exit'
    )
  }
  const isProcess = (one: ts.Node): boolean => ts.isIdentifier(one) && one.text === 'process'
  if (ts.isPropertyAccessExpression(node)) return isProcess(node.expression) && node.name.text === 'exit'
  if (!ts.isElementAccessExpression(node)) return false
  return (
    isProcess(node.expression) && ts.isStringLiteral(node.argumentExpression) && node.argumentExpression.text === 'exit'
  )
}

describe('the source', () => {
  const root = new URL('../src/', import.meta.url)
  const paths = globSync('**/*.ts', { cwd: root })
  const tree = Object.fromEntries(paths.map((path) => [path, readFileSync(new URL(path, root), 'utf8')]))

  it('keeps the import order, the homes of packages and the sizes of DESIGN §5', () => {
    expect(paths.length).toBeGreaterThan(20)
    expect(violations(tree)).toEqual([])
  })
})

describe('the guard of the import order', () => {
  const good = {
    'lib/clock.ts': "import { x } from 'node:util'",
    'lib/log.ts': "import { x } from './clock.ts'",
    'lib/cron.ts': "import { Cron } from 'croner'",
    'model/app.ts': "import { x } from '../lib/clock.ts'",
    'model/delivery.ts': 'export function markVerified() {}',
    'providers/index.ts': "import { markVerified } from '../model/delivery.ts'",
    'providers/github.ts': '',
    'store/index.ts': "import 'node:sqlite'",
    'store/recall.ts': "import { recallVerified } from '../model/delivery.ts'",
    'runner/exec.ts': "import { execa } from 'execa'",
    'runner/git.ts': "import { simpleGit } from 'simple-git'; import './exec.ts'",
    'config/index.ts': "import 'yaml'; import '../providers/index.ts'",
    'match.ts': "import './model/app.ts'",
    'ingest.ts': "import './match.ts'; import './providers/index.ts'; import './store/index.ts'",
    'explain.ts': "import './explain/app.ts'",
    'explain/app.ts': "import '../match.ts'",
    'http/index.ts': "import 'fastify'; import '../ingest.ts'",
    'cli/index.ts': "import 'commander'; import '../config/index.ts'",
    'app.ts': "import './http/index.ts'; import './lib/clock.ts'",
    'main.ts': "import './app.ts'; import './cli/index.ts'; process.exit(1)",
  }

  it('has nothing to say of a tree that is in order', () => {
    expect(violations(good)).toEqual([])
  })

  it.each([
    ['lib/clock.ts', "import '../model/app.ts'", 'imports model/app.ts, which is not in a row below'],
    [
      'model/app.ts',
      "import type { X } from '../store/index.ts'",
      'imports store/index.ts, which is not in a row below',
    ],
    ['store/index.ts', "export * from '../runner/exec.ts'", 'imports runner/exec.ts, which is not in a row below'],
    [
      'providers/github.ts',
      "type X = import('../config/index.ts').X",
      'imports config/index.ts, which is not in a row below',
    ],
    ['config/index.ts', "import '../providers/github.ts'", 'imports providers/github.ts, which is not in a row below'],
    ['match.ts', "export { x } from './ingest.ts'", 'imports ingest.ts, which is not in a row below'],
    ['ingest.ts', "import './explain.ts'", 'imports explain.ts, which is not in a row below'],
    ['http/index.ts', "await import('../cli/index.ts')", 'imports cli/index.ts, which is not in a row below'],
    ['app.ts', "import './main.ts'", 'imports main.ts, which is not in a row below'],
    ['main.ts', "import './lib/clock.ts'", 'imports lib/clock.ts, which main may not'],
    ['model/app.ts', "import '../lib/clock.js'", 'imports lib/clock.js, which is no file of src'],
    ['app.ts', "import '../test/support/map.ts'", 'imports ../test/support/map.ts, which is no file of src'],
    ['helpers/x.ts', "import '../lib/clock.ts'", 'stands in no row of the import order'],
    ['runner/runner.ts', "import { execa } from 'execa'", 'imports execa, whose home is runner/exec.ts'],
    [
      'runner/exec.ts',
      "import type { SimpleGit } from 'simple-git'",
      'imports simple-git, whose home is runner/git.ts',
    ],
    ['app.ts', "import { DatabaseSync } from 'node:sqlite'", 'imports node:sqlite, whose home is store/'],
    ['cli/index.ts', "import { parse } from 'yaml'", 'imports yaml, whose home is config/'],
    [
      'app.ts',
      "import type { FastifyInstance } from 'fastify/types/instance'",
      'imports fastify/types/instance, whose home is http/',
    ],
    ['main.ts', "import { Command } from 'commander'", 'imports commander, whose home is cli/'],
    ['worker.ts', "import { Cron } from 'croner'", 'imports croner, whose home is lib/cron.ts'],
    ['runner/exec.ts', "import { spawn } from 'node:child_process'", 'imports node:child_process, which nobody may'],
    ['runner/exec.ts', "const { spawn } = require('child_process')", 'imports child_process, which nobody may'],
    ['lib/log.ts', "process.getBuiltinModule('node:child_process')", 'imports node:child_process, which nobody may'],
    ['app.ts', 'process.exit(1)', 'ends the process, which main.ts alone may'],
    ['cli/index.ts', "process['exit']()", 'ends the process, which main.ts alone may'],
    ['cli/index.ts', "import { exit as end } from 'node:process'", 'ends the process, which main.ts alone may'],
    ['ingest.ts', "import { markVerified } from './model/delivery.ts'", 'uses markVerified, which providers alone may'],
    ['http/index.ts', 'delivery.markVerified({})', 'uses markVerified, which providers alone may'],
    [
      'ingest.ts',
      "import { recallVerified } from './model/delivery.ts'",
      'uses recallVerified, which store/recall.ts alone may',
    ],
    [
      'store/index.ts',
      "import { recallVerified as take } from '../model/delivery.ts'",
      'uses recallVerified, which store/recall.ts alone may',
    ],
    ['lib/log.ts', '\n'.repeat(250) + 'x', 'is longer than 250 lines'],
    ['lib/utils.ts', '', 'has a name that says nothing'],
  ])('finds what is wrong with %s (case %#)', (path, text, problem) => {
    expect(violations({ ...good, [path]: text })).toEqual([`${path} ${problem}`])
  })

  it('does not mind words in comments and strings, exit codes, and files of 250 lines', () => {
    const harmless =
      "// process.exit(1), import 'execa'\nconst text = \"import 'execa'; markVerified()\"\nprocess.exitCode = 1"
    expect(violations({ ...good, 'app.ts': harmless, 'lib/log.ts': `${'\n'.repeat(249)}x\n` })).toEqual([])
  })
})
