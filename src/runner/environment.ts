import { join } from 'node:path'
import { revealed } from '../lib/secret.ts'
import type { App, Env, Step } from '../model/deploy-map.ts'
import type { Revision } from '../model/revision.ts'
import type { Identity } from './identity.ts'
import { cookieName } from './processes.ts'

/** The operating system's user that the daemon, and so every step, runs as. */
export type User = { readonly name: string; readonly home: string }

export type StepContext = {
  readonly app: App
  readonly deployment: number
  /** In full. */
  readonly ref: string
  readonly cookie: string
  readonly revision: Revision
  /** Where the app's steps run: the release, or the tree. */
  readonly directory: string
  /** null: nothing of this app has succeeded yet. */
  readonly previousRevision: Revision | null
  readonly user: User
  /** Whom steps run as, when that is not the daemon's user. */
  readonly runAs: Identity | null
  /** Exists and can be written to. */
  readonly home: string
}

/**
 * The whole environment of a step: a clean base, then the app's `env`, then the step's, then what deployhook itself
 * tells. Nothing of the daemon's own environment is in it, and nobody but the daemon sets a `DEPLOYHOOK_` variable.
 */
export function stepEnvironment(step: Pick<Step, 'env'>, context: StepContext): Readonly<Record<string, string>> {
  return { ...base(context), ...written(context.app.env), ...written(step.env), ...told(context) }
}

/** Where commands are looked for unless the app's `env` has a PATH. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Stands in where the user has no home directory that can be written to. */
export function standInHome(stateDirectory: string, app: string): string {
  return join(stateDirectory, 'homes', app)
}

function base({ user, runAs, home }: StepContext): Record<string, string> {
  const { name } = runAs ?? user
  return {
    PATH: systemPath,
    HOME: home,
    USER: name,
    LOGNAME: name,
    SHELL: '/bin/sh',
    LANG: 'C.UTF-8',
    TMPDIR: '/tmp',
    CI: 'true',
  }
}

function written(env: Env): Record<string, string> {
  const own = [...env].filter(([name]) => !name.startsWith('DEPLOYHOOK_'))
  return Object.fromEntries(own.map(([name, value]) => [name, revealed(value)]))
}

function told({
  app,
  deployment,
  ref,
  cookie,
  revision,
  directory,
  previousRevision,
}: StepContext): Record<string, string> {
  return {
    DEPLOYHOOK_APP: app.name,
    DEPLOYHOOK_REVISION: revision,
    DEPLOYHOOK_PREVIOUS_REVISION: previousRevision ?? '',
    DEPLOYHOOK_REF: ref,
    DEPLOYHOOK_DEPLOYMENT: String(deployment),
    DEPLOYHOOK_RELEASE_PATH: directory,
    [cookieName]: cookie,
  }
}
