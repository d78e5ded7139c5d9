import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import type { Delivery } from '../../src/model/delivery.ts'
import { providerOf, providers } from '../../src/providers/index.ts'
import type { Parsed, Provider } from '../../src/providers/provider.ts'
import { revision } from '../support/map.ts'
import {
  createDelivery,
  fixtures,
  parsed,
  providerNames,
  providerOf as providerWithOptions,
  sample,
  sentBy,
  verify,
  type Fixture,
} from './fixtures.ts'

/** A push of each way in which a provider proves its deliveries. */
const schemes = [
  ...new Map(
    fixtures
      .filter(({ parsed }) => parsed.kind === 'pushes')
      .map((fixture) => [`${fixture.provider}, ${fixture.signatureCoversBody ? 'signature' : 'token'}`, fixture]),
  ),
].map(([scheme, fixture]) => ({ scheme, fixture, provider: providerWithOptions(fixture) }))

describe('the table of providers', () => {
  it('has fixtures of every provider', () => {
    expect(new Set(fixtures.map(({ provider }) => provider))).toEqual(new Set(providerNames))
  })

  it.each(providerNames)('has %s, whose form is told of in the README and whose name in deploy.yml.example', (name) => {
    expect(text('README.md')).toMatch(new RegExp(`^\\| [^|]*\`${name}\``, 'm'))
    expect(text('deploy.yml.example')).toMatch(new RegExp(`# .*\\b${name}\\b`))
  })

  it('compares proofs in constant time: signature.ts alone has cryptography, and nobody else compares bytes', () => {
    const files = readdirSync(new URL('../../src/providers/', import.meta.url)).filter(
      (file) => file !== 'signature.ts',
    )
    for (const file of files)
      expect(text(`src/providers/${file}`), file).not.toMatch(
        /node:crypto|\.equals\(|\.compare\(|reveal\(\) *[!=]==? *\w/,
      )
  })

  it('gives the provider that a webhook names', () => {
    expect(providerOf({ provider: 'github' })).toBe(providers.github)
  })

  it.each(['', 'GitHub', 'toString', '__proto__', 'constructor'])(
    'throws for %j, which the checked map cannot hold',
    (provider) => {
      expect(() => providerOf({ provider })).toThrow('no provider is called')
    },
  )
})

describe.each(schemes)('every provider ($scheme)', ({ fixture, provider }) => {
  const { delivery, secret } = fixture

  it('signs what it believes', () => {
    const mine = sentBy(provider, delivery.body, { secret })
    const providerId = fixture.providerId && '3f0c2e6a-0001'
    expect(verify(provider, mine, [secret])).toMatchObject({ secret: 0, providerId })
  })

  it('believes nothing without the header that proves it', () => {
    for (const name of proofHeaders(fixture, provider)) {
      expect(refused(provider, without(delivery, name), [secret])).toMatch(
        /^(no_signature|malformed_header|bad_signature)$/,
      )
    }
    expect(refused(provider, createDelivery({ body: delivery.body }), [secret])).toBe('no_signature')
  })

  it('keeps no header that proves: those that are kept are not believed without the rest', () => {
    const kept = ['content-type', 'user-agent', ...provider.headers].map(
      (name) => [name, delivery.headers[name]] as const,
    )
    expect(refused(provider, { ...delivery, headers: Object.fromEntries(kept) }, [secret])).toBe('no_signature')
  })

  it('reads line breaks of Windows as any other space', () => {
    const { event, body } = provider.compose({ ...sample, after: revision('b') })
    const spaced = Buffer.from(JSON.stringify(JSON.parse(body.toString()), null, 1).replaceAll('\n', '\r\n'))
    const [answer, expected] = [spaced, body].map((bytes) =>
      parsed(provider, sentBy(provider, bytes, { secret, event }), secret),
    )
    expect(answer).toMatchObject({ kind: 'pushes' })
    expect(answer).toEqual(expected)
  })

  it('refuses a delivery made with any other secret, and one made with none', () => {
    expect(refused(provider, delivery, [another(secret)])).toBe('bad_signature')
    expect(refused(provider, sentBy(provider, delivery.body, { secret: another(secret) }), [secret])).toBe(
      'bad_signature',
    )
    expect(refused(provider, delivery, [''])).toMatch(/^(bad_signature|wrong_scheme)$/)
  })

  it('takes either of two secrets, says which, and refuses a third', () => {
    const other = another(secret)
    expect(verify(provider, delivery, [secret, other])).toMatchObject({ secret: 0 })
    expect(verify(provider, delivery, [other, secret])).toMatchObject({ secret: 1 })
    expect(refused(provider, delivery, [other, another(secret)])).toBe('bad_signature')
  })

  it('refuses a proof that is empty, cut, too long, doubled, in another case or with spaces in it', () => {
    for (const name of proofHeaders(fixture, provider)) {
      const value = String(delivery.headers[name])
      const changes = [
        '',
        value.slice(0, -1),
        `${value}0`,
        `${value}, ${value}`,
        `${value} `,
        ` ${value}`,
        `${value}\0`,
      ]
      const inOtherCase = value.toUpperCase() === value ? [] : [value.toUpperCase()]
      for (const change of [...changes, ...inOtherCase, [value, value], []]) {
        expect(refused(provider, withHeader(delivery, name, change), [secret]), JSON.stringify(change)).toBeTypeOf(
          'string',
        )
      }
    }
  })

  it.each([
    ['a push', { before: revision('a'), after: revision('b') }],
    ['a push that makes the branch', { before: null, after: revision('b') }],
    ['a push that deletes the branch', { before: revision('a'), after: null }],
    ['a tag', { ref: 'refs/tags/v1.2', before: null, after: revision('b') }],
  ])('makes up %s that says what it should', (_, change) => {
    const push = { ...sample, ...change }
    const { event, body } = provider.compose(push)
    const answer = parsed(provider, sentBy(provider, body, { secret, event }), secret)
    if (answer.kind !== 'pushes') expect.fail(JSON.stringify(answer))
    const [{ names, ref, before, after, deleted } = expect.fail()] = answer.pushes
    expect({ ref, before, after, deleted, names }).toEqual({
      ref: push.ref,
      // Where a branch that is gone is an event of its own, nothing tells where it was.
      before: push.after === null ? before : push.before,
      after: push.after,
      deleted: push.after === null,
      names: expect.arrayContaining(['git.example.com/acme/blog']) as unknown,
    })
  })

  it.each([7, {}, [], 'a..b\n', 'x'.repeat(100_000)])('makes no other push of a body with %j somewhere', (value) => {
    const { event, body } = provider.compose({ ...sample, before: revision('a'), after: revision('b') })
    const told = (bytes: Buffer): Parsed => parsed(provider, sentBy(provider, bytes, { secret, event }), secret)
    const right = told(body)
    const [push = expect.fail()] = right.kind === 'pushes' ? right.pushes : []
    const { ref, before, after, deleted, app } = push
    for (const changed of withEachChanged(JSON.parse(body.toString()), value)) {
      const answer = told(Buffer.from(JSON.stringify(changed)))
      if (answer.kind !== 'pushes') continue
      expect(answer.pushes, JSON.stringify(changed).slice(0, 1000)).toMatchObject([
        { ref, before, after, deleted, app },
      ])
    }
  })

  it('proves any bytes, then says that they are no JSON', () => {
    for (const bytes of ['', '{', '{"ref":', 'null', '[]', '"x"', '1', '\ufeff{}', '\xff\xfe'].map((text) =>
      Buffer.from(text, 'latin1'),
    )) {
      const { event } = provider.compose(sample)
      const answer = parsed(provider, sentBy(provider, bytes, { secret, event }), secret)
      expect(answer).toMatchObject({ kind: 'malformed', problem: expect.any(String) as string })
    }
  })

  it('gives an event that it does not know as ignored', () => {
    const unknown = Object.fromEntries(
      ['object_kind', 'event_name', 'hook_name', 'eventType', 'type'].map((key) => [key, 'tea_time']),
    )
    const answer = parsed(provider, sentBy(provider, unknown, { secret, event: 'tea_time' }), secret)
    expect(answer).toEqual({ kind: 'ignored', event: 'tea_time', reason: 'event' })
  })

  it('tells of an unproven id only what is harmless', () => {
    const named = Object.keys(delivery.headers).filter((name) => delivery.headers[name] === fixture.providerId)
    const claiming = (id: string): string | null =>
      provider.claimedId({ ...delivery.headers, ...Object.fromEntries(named.map((name) => [name, id])) })
    expect(claiming('72d3162e-cc78')).toBe(named.length === 0 ? null : '72d3162e-cc78')
    for (const id of ['', 'a b', '<b>', '\u001b[31m', 'a'.repeat(65), 'é']) expect(claiming(id)).toBeNull()
  })
})

describe.each(schemes.filter(({ fixture }) => fixture.signatureCoversBody))(
  'every provider that signs the body ($scheme)',
  ({ fixture: { delivery, secret }, provider }) => {
    it('refuses a body with one bit changed', () => {
      for (let bit = 0; bit < delivery.body.length * 8; bit += 1) {
        const body = Buffer.from(delivery.body)
        body.writeUInt8(body.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        if (!('refused' in verify(provider, { ...delivery, body }, [secret]))) expect.fail(`bit ${bit} is not covered`)
      }
    })

    it('refuses the same JSON written with other spaces under the old signature', () => {
      const { body } = sentBy(provider, JSON.parse(delivery.body.toString()), { secret })
      const spaced = Buffer.from(JSON.stringify(JSON.parse(body.toString()), null, 1))
      expect(refused(provider, { ...delivery, body: spaced }, [secret])).toBe('bad_signature')
      expect(
        refused(provider, { ...delivery, body: Buffer.concat([delivery.body, Buffer.from('\n')]) }, [secret]),
      ).toBe('bad_signature')
    })
  },
)

function text(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
}

/** The value, once with each of its parts made another. */
function withEachChanged(value: unknown, other: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [other]
  const changed = Object.entries(value).flatMap(([key, part]) =>
    withEachChanged(part, other).map((one) =>
      Array.isArray(value) ? value.with(Number(key), one) : { ...value, [key]: one },
    ),
  )
  return [other, ...changed]
}

/** The headers without which the fixture is not believed. */
function proofHeaders({ delivery, secret }: Fixture, provider: Provider): readonly string[] {
  const names = Object.keys(delivery.headers).filter(
    (name) => 'refused' in verify(provider, without(delivery, name), [secret]),
  )
  expect(names).not.toEqual([])
  return names
}

function without(delivery: Delivery, name: string): Delivery {
  return withHeader(delivery, name, undefined)
}

function withHeader(delivery: Delivery, name: string, value: string | readonly string[] | undefined): Delivery {
  return { ...delivery, headers: { ...delivery.headers, [name]: value } }
}

function refused(provider: Provider, delivery: Delivery, secrets: readonly string[]): string | null {
  const verified = verify(provider, delivery, secrets)
  return 'refused' in verified ? verified.refused : null
}

/** A new secret of the same kind. */
function another(secret: string): string {
  const bytes = randomBytes(32)
  const text = secret.startsWith('whsec_') ? `whsec_${bytes.toString('base64')}` : bytes.toString('hex')
  expect(new Secret(text).reveal()).not.toBe(secret)
  return text
}
