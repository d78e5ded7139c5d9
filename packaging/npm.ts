import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Build } from './build.ts'
import { writeProgram } from './program.ts'
import { settle } from './files.ts'
import { run } from './run.ts'

/** Beside what `files` of package.json names, npm takes these. */
const always = ['README.md', 'LICENSE']

/** `deployhook-<version>.tgz`: compiled, nothing to run at installation, what it needs left to npm. */
export function packNpm(build: Build): string {
  const { root, work, out, epoch } = build
  const directory = join(work, 'npm')
  mkdirSync(directory)
  writeProgram(directory, build)
  for (const path of [...besides, ...always]) cpSync(join(root, path), join(directory, path), { recursive: true })
  settle(directory, epoch)
  const name = run(['npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', out], {
    cwd: directory,
  }).trim()
  return join(out, name)
}

/** What is in every package beside the program. */
export const besides = [
  'deploy.yml.example',
  'deploy.schema.json',
  'systemd',
  'CHANGELOG.md',
  'docs',
  'src/README.md',
  'src/http/README.md',
] as const
