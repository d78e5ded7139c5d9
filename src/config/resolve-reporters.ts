import type { Secret } from '../lib/secret.ts'
import type { ConfiguredReporter } from '../model/deploy-map.ts'
import { usualKinds, type Notify } from '../model/report.ts'
import { reporterOptionsOf } from './entries.ts'
import type { WrittenReporter } from './reporter-schema.ts'
import type { WrittenApp } from './app-schema.ts'
import type { SecretSource } from './schema-parts.ts'

export function resolveReporter(
  name: string,
  reporter: WrittenReporter,
  secrets: ReadonlyMap<SecretSource, Secret>,
): ConfiguredReporter {
  const options = revealedOptions(reporter, secrets)
  const found = [...secrets.values()].filter((secret) => holds(options, secret))
  return { name, kind: reporter.kind ?? name, options, secrets: found }
}

function holds(options: object, secret: Secret): boolean {
  return Object.values<unknown>({ ...options }).some(
    (value) => value === secret || (typeof value === 'object' && value !== null && holds(value, secret)),
  )
}

/** The options with the secrets themselves instead of where they are found. */
export function revealedOptions(
  reporter: WrittenReporter,
  secrets: ReadonlyMap<SecretSource, Secret>,
): Readonly<Record<string, unknown>> {
  const known: ReadonlyMap<unknown, Secret> = secrets
  const revealed = (value: unknown): unknown => {
    const secret = known.get(value)
    if (secret !== undefined) return secret
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, known.get(inner) ?? inner]))
  }
  return Object.fromEntries(Object.entries(reporterOptionsOf(reporter)).map(([key, value]) => [key, revealed(value)]))
}

export function resolveNotify(written: WrittenApp['notify'] = []): readonly Notify[] {
  return written.map((wish) => {
    const { reporter, on = usualKinds } = typeof wish === 'string' ? { reporter: wish } : wish
    return { reporter, on }
  })
}
