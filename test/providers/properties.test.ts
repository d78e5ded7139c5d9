import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import type { Delivery } from '../../src/model/delivery.ts'
import { isRefName } from '../../src/model/ref.ts'
import { parseRevision } from '../../src/model/revision.ts'
import { providers } from '../../src/providers/index.ts'
import { jsonTextOf } from '../../src/providers/json-text.ts'
import type { Parsed } from '../../src/providers/provider.ts'
import { fixtures, providerOf, sample, sentBy, verify } from './fixtures.ts'

/** Of mutations of each provider's deliveries together, and of bodies per provider. */
const runs = 2000
const anyText = fc.string({ unit: 'binary' })

/** What may happen to the value of a header on its way here. */
const changes = fc.oneof(
  fc.constant<(value: string) => undefined>(() => undefined),
  fc.constant((value: string) => [value, value]),
  fc.constant((value: string) => `${value}, ${value}`),
  fc.constant((value: string) => value.toUpperCase()),
  fc.constant((value: string) => value.trim()),
  anyText.map((text) => () => text),
  anyText.map((text) => (value: string) => value + text),
  anyText.map((text) => (value: string) => text + value),
  fc.nat().map((at) => (value: string) => value.slice(0, at % (value.length + 1))),
  fc
    .tuple(fc.nat(), fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }))
    .map(([at, letter]) => (value: string) => {
      const place = at % (value.length + 1)
      return value.slice(0, place) + letter + value.slice(place + 1)
    }),
)

const bodyChanges = fc.oneof(
  fc.constant((body: Buffer) => body),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => () => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => (body: Buffer) => Buffer.concat([body, bytes])),
  fc.nat().map((at) => (body: Buffer) => body.subarray(0, at % (body.length + 1))),
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => (body: Buffer) => {
    const changed = Buffer.from(body)
    const place = at % body.length
    changed.writeUInt8(changed.readUInt8(place) ^ mask, place)
    return changed
  }),
)

describe.each(fixtures)('whatever happens to $provider/$name', (fixture) => {
  const { delivery, secret, signatureCoversBody } = fixture
  const provider = providerOf(fixture)
  // Signed may be the field of a form, however it is written there.
  const signedOf = fixture.signsTheText ? jsonTextOf : ({ body }: Delivery) => body
  const isBelieved = (changed: Delivery): boolean => !('refused' in verify(provider, changed, [secret]))
  const proof = Object.keys(delivery.headers).filter(
    (header) => header !== 'content-type' && !isBelieved(changeHeader(delivery, header, () => undefined)),
  )

  it('it is believed only with its proof and its body unchanged, and nothing throws', () => {
    const mutation = fc.record({
      header: fc.constantFrom(...Object.keys(delivery.headers)),
      change: changes,
      changeBody: bodyChanges,
    })
    fc.assert(
      fc.property(mutation, ({ header, change, changeBody }) => {
        const changed = { ...changeHeader(delivery, header, change), body: changeBody(delivery.body) }
        provider.claimedId(changed.headers)
        const verified = verify(provider, changed, [secret])
        if ('refused' in verified) return
        provider.parse(verified)
        // A list of signatures may hold others besides: the right one must still be among them.
        for (const one of proof) {
          const value = String(changed.headers[one])
          expect([value, ...value.split(' ')]).toContain(delivery.headers[one])
        }
        if (signatureCoversBody) expect(signedOf(changed)).toEqual(signedOf(delivery))
      }),
      { numRuns: runs / 8 },
    )
  })
})

describe.each(Object.entries(providers))('whatever %s signs', (_name, provider) => {
  const plain = 'a-secret-for-properties'
  const isPlain = (provider.checkSecrets?.([new Secret(plain)]) ?? null) === null
  const secret = isPlain ? plain : `whsec_${'a'.repeat(32)}`

  it('reads as pushes that hold, as ignored or as malformed, and nothing throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          bodies,
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        headersOf(),
        (body, headers) => {
          const { event } = provider.compose(sample)
          const verified = verify(provider, sentBy(provider, body, { secret, event, headers }), [secret])
          // Where a field of the form is signed, these bytes are no such form.
          if ('refused' in verified) expect(headers['content-type']).toMatch(/form/i)
          else expectSound(provider.parse(verified))
        },
      ),
      { numRuns: runs },
    )
  })
})

/** Bodies that are nearly a push, each field of it right, wrong or missing. */
const loose = (right: unknown): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(right) }, fc.jsonValue(), fc.constant(undefined))
const repository = fc.record({
  full_name: loose('Acme/Blog'),
  path_with_namespace: loose('Acme/Blog'),
  clone_url: fc.oneof(loose('https://git.example/acme/blog.git'), fc.webUrl(), anyText),
  git_ssh_url: fc.oneof(loose('git@git.example:acme/blog.git'), anyText),
})
const bodies = fc.record({
  object_kind: loose('push'),
  event_name: loose('repository_update'),
  ref: fc.oneof(
    loose('refs/heads/main'),
    anyText.map((text) => `refs/${text}`),
  ),
  before: loose('0'.repeat(40)),
  after: fc.oneof(
    loose('b'.repeat(40)),
    fc.string({ unit: fc.constantFrom('0', 'a', 'F'), minLength: 39, maxLength: 65 }),
  ),
  deleted: loose(false),
  repository,
  project: repository,
  head_commit: loose({ message: 'x', author: { name: 'y' } }),
  commits: fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())),
  pusher: fc.jsonValue(),
  changes: fc.array(
    fc.record({ ref: loose('refs/heads/main'), before: loose('a'.repeat(40)), after: loose('b'.repeat(64)) }),
  ),
})

function headersOf(): fc.Arbitrary<Delivery['headers']> {
  const types = fc.constantFrom('application/json', 'application/x-www-form-urlencoded')
  return fc.oneof(fc.constant({}), fc.record({ 'content-type': fc.oneof(types, anyText) }))
}

function expectSound(answer: Parsed): void {
  if (answer.kind === 'malformed') expect(answer.problem).toMatch(/^[\x20-\x7e]{1,120}$/)
  if (answer.kind !== 'pushes') return
  for (const { app, ref, before, after, names, repository, headCommit, pusher } of answer.pushes) {
    expect(ref === null ? app : isRefName(ref) && ref.isWellFormed()).toBeTruthy()
    for (const id of [before, after]) expect(id === null || parseRevision(id) === id).toBe(true)
    expect(repository === null ? [app] : names).toContain(repository === null ? app : repository.toLowerCase())
    expect((headCommit?.message.length ?? 0) + (headCommit?.author?.length ?? 0) + (pusher?.length ?? 0)).toBeLessThan(
      5000,
    )
  }
}

function changeHeader(
  delivery: Delivery,
  name: string,
  change: (value: string) => string | readonly string[] | undefined,
): Delivery {
  return { ...delivery, headers: { ...delivery.headers, [name]: change(String(delivery.headers[name])) } }
}
