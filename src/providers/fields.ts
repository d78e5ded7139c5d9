import { z } from 'zod'
import { isName } from '../model/name.ts'
import type { HeadCommit } from '../model/push-event.ts'
import { isRefName } from '../model/ref.ts'
import { identityOf } from '../model/repository.ts'
import { isZeroSha, parseRevision, type Revision } from '../model/revision.ts'
import { parseJson } from './json.ts'

/**
 * What `schema` makes of a body, or a sentence that names the first wrong field and says what it must be. Names come
 * from the schema and texts from below, never from the body: the sentence is shown and stored.
 */
export function readBody<T>(
  body: unknown,
  schema: z.ZodType<T>,
): { readonly fields: T } | { readonly problem: string } {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { problem: 'the body must be a JSON object' }
  const read = schema.safeParse(body)
  if (read.success) return { fields: read.data }
  return { problem: problemOf(read.error) }
}

/** `readBody` of the JSON that `text` is. */
export function readJson<T>(text: Buffer, schema: z.ZodType<T>): { readonly fields: T } | { readonly problem: string } {
  const json = parseJson(text)
  return 'problem' in json ? json : readBody(json.value, schema)
}

/** `readBody` for every element of a list, up to the first that is wrong: a list may hold millions of them. */
export function readEach<T>(
  items: readonly unknown[],
  schema: z.ZodType<T>,
  name: string,
): { readonly fields: readonly T[] } | { readonly problem: string } {
  const fields: T[] = []
  for (const [index, item] of items.entries()) {
    const read = schema.safeParse(item)
    if (!read.success) return { problem: problemOf(read.error, `${name}.${index}`) }
    fields.push(read.data)
  }
  return { fields }
}

function problemOf(error: z.ZodError, ...within: readonly string[]): string {
  const [issue] = error.issues
  return `${[...within, ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'is not as it should be'}`
}

// What decides must be exactly right…

/** A full ref name; git's own rules. */
export const refName = checked(
  (text) => text.isWellFormed() && isRefName(text),
  'must be a full ref name such as refs/heads/main',
)

/** A ref name, full or short: where a host tells the kind of ref apart from its name. */
export const anyRef = checked(
  (text) => text.isWellFormed() && isRefName(text.startsWith('refs/') ? text : `refs/heads/${text}`),
  'must be the name of a branch or tag',
)

/** A commit id, or null where the host writes zeros for "none". */
export const revision = checked(
  (text) => isZeroSha(text) || parseRevision(text) !== null,
  'must be a commit id: 40 or 64 lower-case hex digits',
).transform((text): Revision | null => parseRevision(text))

/** The name of a repository on its host: `acme/blog`. */
export const fullName = checked(
  (text) => text.length <= maxName && /^[^\s\p{Cc}\p{Cf}\p{Cs}]+$/u.test(text),
  'must be a repository name such as acme/blog, of at most 512 characters',
)

/** One of the URLs under which a payload knows its repository; only ever compared, never fetched. */
export const url = checked((text) => text.length <= maxUrl, 'must be a URL of at most 2048 characters').nullish()

/** An app's name in deploy.yml. */
export const appName = checked(isName, 'must be the name of an app in deploy.yml')

export const list = z.custom<readonly unknown[]>((value) => Array.isArray(value), { error: 'must be a list' })

export const flag = z.boolean({ error: 'must be true or false' }).optional()

/** A part of the body that must be there. */
export function object<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape> {
  return z.object(shape, { error: 'must be an object' })
}

// …what only people read must never cost a deployment.

export const message = lenient(65_536)

export const person = lenient(256)

/** A part of the body that may be missing or of another form, which reads as null. */
export function maybe<T extends z.ZodType>(schema: T): z.ZodCatch<z.ZodNullable<T>> {
  return schema.nullable().catch(null as z.output<z.ZodNullable<T>>)
}

/** What a host tells of the newest commit; null: nothing. */
export function toHeadCommit(
  head: { readonly message: string | null; readonly author: { readonly name: string | null } | null } | null,
): HeadCommit | null {
  return head && { message: head.message ?? '', author: head.author?.name ?? null }
}

/** Every identity by which a payload names its repository. Only ever compared with the map's: none is ever fetched. */
export function namesOf(name: string, urls: readonly (string | null | undefined)[]): readonly string[] {
  const identities = urls.map((text) => (typeof text === 'string' ? identityOf(text) : null))
  return [...new Set([...identities, name.toLowerCase()])].filter((identity) => identity !== null)
}

const maxName = 512
const maxUrl = 2048

function checked(isRight: (text: string) => boolean, error: string): z.ZodString {
  return z.string({ error }).refine(isRight, { error })
}

function lenient(maxLength: number): z.ZodCatch<z.ZodNullable<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>> {
  return maybe(z.string().transform((text) => text.slice(0, maxLength).toWellFormed()))
}
