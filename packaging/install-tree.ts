import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Build } from './build.ts'
import { completionsOf } from './completions.ts'
import { put } from './files.ts'
import { manPage } from './man.ts'
import { besides } from './npm.ts'
import { writeDependencies, writeProgram } from './program.ts'
import { findRuntime, writeRuntime, type Runtime } from './runtime.ts'

/** What both self-contained packages install, each at its own places. */
export type InstallTree = {
  /** The program with its Node: `bin/node dist node_modules package.json`. */
  readonly program: string
  readonly runtime: Runtime
  readonly man: string
  /** By shell; empty as long as the command `deployhook completion` is not there. */
  readonly completions: Readonly<Partial<Record<Shell, string>>>
}

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

export async function buildInstallTree(build: Build): Promise<InstallTree> {
  const program = join(build.work, 'program')
  const runtime = findRuntime(build)
  writeProgram(program, build)
  writeDependencies(program, build)
  writeRuntime(program, runtime)
  return { program, runtime, man: await manPage(build), completions: completionsOf(join(program, 'dist/main.js')) }
}

/** What there is to read, and whose work is in it. */
export function writeDocs(directory: string, { root }: Build, { licence }: Runtime): void {
  for (const path of [...besides, 'README.md'])
    if (!path.startsWith('src/')) cpSync(join(root, path), join(directory, path), { recursive: true })
  put(join(directory, 'NODE-LICENSE'), readFileSync(licence))
}
