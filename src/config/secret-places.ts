import type { Path } from './finding.ts'
import { checksOf, reporterOptionsOf, stepLists } from './entries.ts'
import type { WrittenApp } from './app-schema.ts'
import type { WrittenMap } from './schema.ts'
import type { WrittenEnv, WrittenStep } from './step-schema.ts'
import { secretSource, type SecretSource } from './schema-parts.ts'

/** One place of deploy.yml that names a secret, and what is asked of its value. */
export type SecretPlace = {
  readonly path: Path
  readonly source: SecretSource
  /** `key`: proves something, so it must be hard to guess; `weak`: the same, excused; `token`: one line; `text`: anything. */
  readonly strength: 'key' | 'weak' | 'token' | 'text'
}

/** Every secret that deploy.yml names. */
export function secretPlaces(written: WrittenMap): readonly SecretPlace[] {
  return [
    ...Object.entries(written.webhooks ?? {}).flatMap(([name, webhook]) => {
      const strength = webhook.allow_weak_secret === true ? 'weak' : 'key'
      const path: Path = ['webhooks', name]
      const { secret, secrets = [] } = webhook
      return [
        ...(secret === undefined ? [] : [{ path: [...path, 'secret'], source: secret, strength } as const]),
        ...secrets.map((source, index) => ({ path: [...path, 'secrets', index], source, strength }) as const),
      ]
    }),
    ...Object.entries(written.reporters ?? {}).flatMap(([name, reporter]) =>
      placesOfReporter(reporterOptionsOf(reporter), ['reporters', name]),
    ),
    ...Object.entries(written.apps).flatMap(([name, app]) => placesOfApp(app, ['apps', name])),
    ...placesOfApp(written.defaults ?? {}, ['defaults']),
    ...(written.server?.api_tokens ?? []).flatMap(({ secret }, index) =>
      secret === undefined
        ? []
        : [{ path: ['server', 'api_tokens', index, 'secret'], source: secret, strength: 'key' } as const],
    ),
  ]
}

/** Wherever the options of its kind name one: `secret` proves something, a variable of `env` may be anything. */
function placesOfReporter(options: Readonly<Record<string, unknown>>, path: Path): readonly SecretPlace[] {
  return Object.entries(options).flatMap(([key, value]): readonly SecretPlace[] => {
    if (isSecretSource(value))
      return [{ path: [...path, key], source: value, strength: key === 'secret' ? 'key' : 'token' }]
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
    return Object.entries(value).flatMap(([name, inner]): readonly SecretPlace[] =>
      isSecretSource(inner) ? [{ path: [...path, key, name], source: inner, strength: 'text' }] : [],
    )
  })
}

function isSecretSource(value: unknown): value is SecretSource {
  return secretSource.safeParse(value).success
}

function placesOfApp(app: WrittenApp, path: Path): readonly SecretPlace[] {
  const token = app.git?.token
  return [
    ...(token === undefined ? [] : [{ path: [...path, 'git', 'token'], source: token, strength: 'token' } as const]),
    ...placesOfEnv(app.env, [...path, 'env']),
    ...stepLists.flatMap((key) => (app[key] ?? []).flatMap((step, index) => placesOfStep(step, [...path, key, index]))),
    ...(app.preview === undefined ? [] : placesOfStep(app.preview, [...path, 'preview'])),
    ...checksOf(app).flatMap(({ headers }, index) =>
      placesOfEnv(headers, [...path, 'health', ...(Array.isArray(app.health) ? [index] : []), 'headers']),
    ),
  ]
}

function placesOfStep(step: WrittenStep, path: Path): readonly SecretPlace[] {
  return typeof step === 'string' || Array.isArray(step) ? [] : placesOfEnv(step.env, [...path, 'env'])
}

function placesOfEnv(env: WrittenEnv | undefined, path: Path): readonly SecretPlace[] {
  return Object.entries(env ?? {}).flatMap(([name, value]) =>
    typeof value === 'string' ? [] : [{ path: [...path, name], source: value, strength: 'text' } as const],
  )
}
