import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** What the files of a clone suggest, if there is one at `path`: a start, not a promise. Runs nothing. */
export async function guessSteps(path: string): Promise<readonly string[]> {
  for (const [file, install, runner] of tools) {
    if ((await textOf(path, file)) === null) continue
    return runner !== null && (await buildsItself(path)) ? [install, `${runner} run build`] : [install]
  }
  return []
}

/** What is there, how it installs, and what then builds. */
const tools: readonly (readonly [file: string, install: string, runner: string | null])[] = [
  ['package-lock.json', 'npm ci', 'npm'],
  ['pnpm-lock.yaml', 'pnpm install --frozen-lockfile', 'pnpm'],
  ['yarn.lock', 'yarn install --frozen-lockfile', 'yarn'],
  ['composer.lock', 'composer install --no-dev --no-interaction', null],
  ['compose.yaml', 'docker compose up --detach --build', null],
  ['docker-compose.yml', 'docker compose up --detach --build', null],
]

async function buildsItself(path: string): Promise<boolean> {
  try {
    return withBuild.safeParse(JSON.parse((await textOf(path, 'package.json')) ?? '')).success
  } catch {
    return false
  }
}

const withBuild = z.object({ scripts: z.object({ build: z.string() }) })

function textOf(path: string, file: string): Promise<string | null> {
  return readFile(join(path, file), 'utf8').catch(() => null)
}
