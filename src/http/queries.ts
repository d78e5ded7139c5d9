import { z } from 'zod'
import { outcomes, states } from '../model/deployment.ts'
import { namePattern } from '../model/name.ts'
import { isRefName, shortRef } from '../model/ref.ts'
import { HttpError } from './http-error.ts'

/** What `value` (a query or a body) says, or a 400 that names every part which is not as it should be. */
export function parseAs<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new HttpError('bad_request', { as: 'invalid_request', message: parsed.error.issues.map(problemOf).join('; ') })
}

/** The id in a path. Anything but a positive whole number is a 400. */
export function parseId(text: string): number {
  const parsed = id.safeParse(text)
  if (!parsed.success) throw new HttpError('bad_request', { as: 'invalid_request', message: `id: ${idRule}` })
  return parsed.data
}

/** A JSON body; none at all counts as `{}`. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const text = body instanceof Buffer ? body.toString('utf8') : ''
  return parseAs(schema, text === '' ? {} : parseJson(text))
}

const idRule = 'must be a positive whole number'
const id = z
  .string(idRule)
  .regex(/^[1-9]\d{0,15}$/, idRule)
  .transform(Number)
  .refine(Number.isSafeInteger, idRule)

const name = z.string('give it once').regex(namePattern, 'not a name that deploy.yml allows')

const maxLimit = 500
const limitRule = `must be a whole number from 1 to ${maxLimit}`
const page = {
  limit: z
    .string(limitRule)
    .regex(/^[1-9]\d{0,14}$/, limitRule)
    .transform((text) => Math.min(Number(text), maxLimit))
    .default(50),
  before: id.optional(),
}

/** How a deployment stands, or how it ended: no word is both. */
const standings = [...states, ...outcomes]

export const deploymentsQuery = z.strictObject({
  ...page,
  app: name.optional(),
  state: z.enum(standings, `must be one of ${standings.join(', ')}`).optional(),
})

export const deliveriesQuery = z.strictObject({
  ...page,
  webhook: name.optional(),
  app: name.optional(),
  providerId: z
    .string('give it once')
    .regex(/^[!-~]{1,128}$/, 'must be 1 to 128 printable ASCII characters')
    .optional(),
})

export const logQuery = z.strictObject({ follow: z.enum(['', '1', 'true'], 'takes no value').optional() })

export const explainQuery = z.strictObject({ subject: z.string('give it once').max(200, 'too long').optional() })

const refRule = 'must be a full ref name, such as refs/heads/main or refs/tags/v1'

const flag = z.boolean('must be true or false').default(false)

const line = (longest: number) => {
  const rule = `must be one line of text, at most ${longest} characters`
  return z
    .string(rule)
    .trim()
    .max(longest, rule)
    .regex(/^\P{Cc}*$/u, rule)
    .transform((text) => (text === '' ? null : text))
    .nullable()
    .default(null)
}

/** Who asks, where nobody else knows, and why. */
const person = { by: line(100), reason: line(500) }

const revisionRule = 'must be a commit: at least its first 7 hex digits'
const revision = z
  .string(revisionRule)
  .toLowerCase()
  .regex(/^[0-9a-f]{7,64}$/, revisionRule)

export const deployBody = z.strictObject(
  {
    ...person,
    adopt: flag,
    force: flag,
    revision: revision.optional(),
    ref: z
      .string(refRule)
      .refine((ref) => isRefName(ref) && shortRef(ref) !== ref, refRule)
      .optional(),
  },
  'must be a JSON object',
)

const toRule = 'must be the name of a release, or a commit: at least its first 7 hex digits'

export const rollbackBody = z.strictObject(
  {
    ...person,
    force: flag,
    to: z
      .string(toRule)
      .toLowerCase()
      .regex(/^(?:[0-9a-f]{7,64}|\d{8}-\d{6}-[0-9a-f]{12}(?:-\d{1,9})?)$/, toRule)
      .optional(),
  },
  'must be a JSON object',
)

export const holdBody = z.strictObject(
  { ...person, until: z.enum(['unhold', 'next_push'], 'must be unhold or next_push').default('unhold') },
  'must be a JSON object',
)

/** `until`: see `until.ts`. */
export const freezeBody = z.strictObject(
  { ...person, until: z.string('must be text').max(40, 'too long').nullable().default(null) },
  'must be a JSON object',
)

export const personBody = z.strictObject(person, 'must be a JSON object')

export const approveBody = z.strictObject({ by: person.by }, 'must be a JSON object')

export const simulateBody = z.strictObject(
  {
    webhook: name,
    /** As they came over the wire; names in any case. */
    headers: z.record(z.string(), z.string('must be text'), 'must be an object of texts').default({}),
    /** The body's bytes. */
    payload: z.base64('must be base64'),
  },
  'must be a JSON object',
)

export const sampleBody = z.strictObject({ app: name.optional() }, 'must be a JSON object')

const urlRule = 'must be an http or https URL'

/** Where apps are reached from outside, by their names. */
export const doctorBody = z.strictObject(
  {
    urls: z
      .record(name, z.url({ protocol: /^https?$/, error: urlRule }).max(2_000, urlRule), 'must be an object of URLs')
      .default({}),
  },
  'must be a JSON object',
)

export const emptyBody = z.strictObject({}, 'must be a JSON object')

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpError('bad_request', { as: 'invalid_request', message: 'the body must be JSON' })
  }
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'there is a parameter here that this does not know'
  return [...issue.path.map(String), issue.message].join(': ')
}
