import { z } from 'zod'
import { namePattern } from '../model/name.ts'
import { durationPattern, durationProblem, nameProblem, type TextRule } from './text-rules.ts'

/** A text, with what else it has to be; `pattern` tells an editor as much of that as it can check. */
export function text(problemOf: TextRule = () => null, { pattern }: { readonly pattern?: RegExp } = {}) {
  // Quotes alone would not mend `timeout: 30`: say at once what else is wrong with it.
  const error = ({ input }: { readonly input?: unknown }) =>
    (typeof input === 'number' ? problemOf(String(input)) : null) ?? undefined
  const checked = z.string({ error }).check(({ value, issues }) => {
    const message = problemOf(value)
    if (message !== null) issues.push({ code: 'custom', message, input: value })
  })
  return pattern === undefined ? checked : checked.meta({ pattern: pattern.source })
}

/** `90s`, `1h30m`. */
export const durationText = text(durationProblem, { pattern: durationPattern })

/** Of webhooks, apps, reporters, groups and tokens. */
export const nameText = text(nameProblem, { pattern: namePattern })

/** A list of at least one. */
export function list<Item extends z.ZodType>(item: Item, { atMost }: { readonly atMost?: number } = {}) {
  const some = z.array(item).min(1, 'is empty: add an entry, or take the key out')
  return atMost === undefined ? some : some.max(atMost, `holds too many: at most ${atMost}`)
}

/** A map whose keys are names that people give. */
export function named<Value extends z.ZodType>(name: z.ZodString, value: Value) {
  return z.record(name, value)
}

export function wholeNumber({ atLeast, atMost }: { readonly atLeast: number; readonly atMost: number }) {
  const error = `must be a whole number from ${atLeast} to ${atMost}`
  return z.int({ error }).min(atLeast, { error }).max(atMost, { error })
}

/**
 * A schema with the options of every kind of something, none required. Their own types are left out: they are not the map's business,
 * which hands them on as unknown.
 */
export function extended<Schema extends z.ZodObject>(schema: Schema, kinds: readonly z.ZodObject[]): Schema {
  const options: Record<string, z.ZodType> = {}
  for (const kind of kinds) {
    for (const [key, option] of Object.entries<z.ZodType>(kind.shape)) {
      options[key] = options[key] === undefined ? option.optional() : z.union([options[key], option])
    }
  }
  return schema.extend(options) as z.ZodObject as Schema
}

const howToNameOne = '{ env: NAME }, { file: PATH } or { credential: NAME }'

/** Where a secret that is ours to choose is found; never the secret itself. */
export const secretSource = sourceOf('a secret', `give ${howToNameOne} (a new one: openssl rand -hex 32)`).meta({
  id: 'secret',
})

/** Where a token is found that a git host has made. */
export const tokenSource = sourceOf(
  'a token',
  'put it into a file that only this user can read (chmod 600) and give { file: PATH }; { env: NAME } and { credential: NAME } do too',
).meta({ id: 'token' })

function sourceOf(what: string, cure: string) {
  const error = ({ input }: { readonly input?: unknown }): string => {
    if (input === null) return `is empty: give ${howToNameOne}`
    if (Array.isArray(input)) return `must be ${howToNameOne}, not a list`
    if (typeof input === 'object') return `give exactly one of ${howToNameOne}, with a text`
    return `${what} is never written in this file: ${cure}`
  }
  return z.union(
    [
      z.strictObject({ env: z.string().describe('Environment variable of the daemon that holds it.') }),
      z.strictObject({ file: z.string().describe('File that holds it; relative to the folder of deploy.yml.') }),
      z.strictObject({
        credential: z.string().describe('Name of a systemd credential (LoadCredential=) that holds it.'),
      }),
    ],
    { error },
  )
}

export type SecretSource = z.output<typeof secretSource>
