import { chmod, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { loadDeployMap, type Loaded, type LoadOptions } from '../../src/config/index.ts'
import type { DeployMap } from '../../src/model/deploy-map.ts'

/** Long enough for a webhook. */
export const strong = 'f3c1a7e09b5d4c2e8a6f'

/** The form that Standard Webhooks asks for. */
export const signing = `whsec_${Buffer.from('a key of thirty-two bytes, padded').toString('base64')}`

/** A folder of its own, gone after the test. */
export async function makeFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'deployhook-config-')))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export const options: LoadOptions = {
  env: {
    SECRET: strong,
    OTHER: `${strong}2`,
    SHORT: 'hunter2',
    EMPTY: '',
    SPACES: '   ',
    TOKEN: 'tkn',
    SIGNING: signing,
    RECEIVER: 'https://user:pass@hooks.example.com/t0ken?key=hidden',
    HOME: '/home/deploy',
  },
  uid: process.getuid?.() ?? 0,
  stateDirectory: '/var/lib/deployhook',
  rootSteps: 'warn',
  cores: 4,
}

/** Loads a file that holds `text`, as `deploy.yml` in a new folder. */
export async function load(text: string | Buffer, changed: Partial<LoadOptions> = {}): Promise<Loaded> {
  const file = join(await makeFolder(), 'deploy.yml')
  await writeFile(file, text)
  await chmod(file, 0o644)
  return loadDeployMap(file, { ...options, ...changed })
}

/** Every problem as it is shown, without the folder. */
export async function problemsOf(text: string | Buffer, changed: Partial<LoadOptions> = {}): Promise<string> {
  const loaded = await load(text, changed)
  if (loaded.kind === 'loaded') throw new Error('expected the file to be refused')
  return tell(loaded.problems)
}

export async function warningsOf(text: string, changed: Partial<LoadOptions> = {}): Promise<string> {
  return tell((await load(text, changed)).warnings)
}

/** The first line of each problem: place, path, what and cure. */
export async function headsOf(text: string | Buffer, changed: Partial<LoadOptions> = {}): Promise<string[]> {
  const loaded = await load(text, changed)
  if (loaded.kind === 'loaded') return []
  return loaded.problems.map((problem) => (tell([problem]).split('\n')[0] ?? '').replace(/^deploy\.yml:/, ''))
}

export async function mapOf(text: string, changed: Partial<LoadOptions> = {}): Promise<DeployMap> {
  const loaded = await load(text, changed)
  if (loaded.kind === 'refused') throw new Error(`refused:\n${tell(loaded.problems)}`)
  return loaded.map
}

export function tell(problems: readonly { readonly text: string }[]): string {
  return problems.map(({ text }) => text.replace(/\/[^\s:]*\/deployhook-config-[^/\s:]+\//g, '')).join('\n')
}

/** The smallest file with one webhook and one app, and more lines for the app. */
export function withApp(...lines: readonly string[]): string {
  return [
    'webhooks:',
    '  github: { secret: { env: SECRET } }',
    'apps:',
    '  blog:',
    ...(lines.some((line) => line.startsWith('repo:')) ? [] : ['    repo: https://github.com/acme/blog.git']),
    ...(lines.some((line) => line.startsWith('path:')) ? [] : ['    path: /srv/blog']),
    ...lines.map((line) => `    ${line}`),
    '',
  ].join('\n')
}

export function withServer(...lines: readonly string[]): string {
  return withApp() + ['server:', ...lines.map((line) => `  ${line}`), ''].join('\n')
}
