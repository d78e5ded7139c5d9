import { tidyPath } from '../lib/tidy-path.ts'
import type { Path } from './finding.ts'
import type { WrittenHealthCheck } from './health-schema.ts'
import type { WrittenReporter } from './reporter-schema.ts'
import type { WrittenApp } from './app-schema.ts'
import type { WrittenMap, WrittenWebhook } from './schema.ts'

/** An app with the defaults worked in, and where each of its keys was written. */
export type Entry = {
  readonly name: string
  readonly app: WrittenApp
  /** Of a key: in the app itself, in `defaults`, or (not written) the app's own place for it. */
  readonly placeOf: (key: keyof WrittenApp) => Path
  /** Whether the app itself says it, rather than `defaults`. */
  readonly isOwn: (key: keyof WrittenApp) => boolean
}

/** Every app as it counts: its own keys before those of `defaults`, `env` merged name by name. */
export function entriesOf(written: WrittenMap): readonly Entry[] {
  const defaults = written.defaults ?? {}
  return Object.entries(written.apps).map(([name, own]) => {
    const env = defaults.env === undefined && own.env === undefined ? {} : { env: { ...defaults.env, ...own.env } }
    return {
      name,
      app: { ...defaults, ...own, ...env, ...refsOf(own, defaults) },
      placeOf: (key) =>
        own[key] === undefined && defaults[key] !== undefined ? ['defaults', key] : ['apps', name, key],
      isOwn: (key) => own[key] !== undefined,
    }
  })
}

/** `branch` of the one replaces the globs of the other, and the other way round. */
function refsOf(own: WrittenApp, defaults: WrittenApp): Pick<WrittenApp, 'branch' | 'branches' | 'tags'> {
  const isSaid = [own.branch, own.branches, own.tags].some((written) => written !== undefined)
  const { branch, branches, tags } = isSaid ? own : defaults
  return { branch, branches, tags }
}

/** An app's path without slashes at its end and doubled ones, or null when it was struck out. */
export function appPath({ app: { path } }: Entry): string | null {
  return path === undefined ? null : tidyPath(path)
}

/** The sources of a webhook's secrets, the newest first. */
export function sourcesOf(webhook: WrittenWebhook): NonNullable<WrittenWebhook['secrets']> {
  return webhook.secret === undefined ? (webhook.secrets ?? []) : [webhook.secret]
}

/** What is left of a webhook's entry for its provider. */
export function optionsOf(webhook: WrittenWebhook): object {
  const common = new Set(['provider', 'secret', 'secrets', 'allow_weak_secret'])
  return Object.fromEntries(Object.entries(webhook).filter(([key]) => !common.has(key)))
}

/** What is left of a reporter's entry for its kind. */
export function reporterOptionsOf(reporter: WrittenReporter): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(reporter).filter(([key]) => key !== 'kind'))
}

/** The names that the app had before, whichever way they were written. */
export function formerNames({ was = [] }: Pick<WrittenApp, 'was'>): readonly string[] {
  return typeof was === 'string' ? [was] : was
}

/** The health checks, whichever way they were written. */
export function checksOf({ health = [] }: Pick<WrittenApp, 'health'>): readonly WrittenHealthCheck[] {
  return Array.isArray(health) ? health : [health]
}

/** The first key with a command for this machine; null: the app runs none. */
export function commandKeyOf(app: WrittenApp): 'preview' | 'health' | (typeof stepLists)[number] | null {
  const list = stepLists.find((key) => (app[key] ?? []).length > 0)
  if (list !== undefined) return list
  if (app.preview !== undefined) return 'preview'
  return checksOf(app).some(({ command }) => command !== undefined) ? 'health' : null
}

/** The keys of an app that hold lists of steps, in the order in which they run. */
export const stepLists = ['steps', 'before_switch', 'activate', 'after'] as const
