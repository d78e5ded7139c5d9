import { readdirSync, readFileSync } from 'node:fs'
import { Secret } from '../../src/lib/secret.ts'
import type { Delivery, RefusalReason, VerifiedDelivery } from '../../src/model/delivery.ts'
import { providers, type ProviderName } from '../../src/providers/index.ts'
import type { Parsed, Provider, SamplePush } from '../../src/providers/provider.ts'

/**
 * A delivery of `test/fixtures/deliveries/<provider>/`: `<name>.http` is the request as it comes, its signature valid
 * for the secret in `<name>.json`, which also says what the provider must make of it.
 */
export type Fixture = Expected & {
  readonly provider: ProviderName
  readonly name: string
  readonly delivery: Delivery
}

type Expected = {
  readonly secret: string
  readonly receivedAt: string
  /** The webhook's options as deploy.yml has them. */
  readonly options?: object
  /** Whether another body needs another signature. */
  readonly signatureCoversBody: boolean
  /** Whether the text in a form is signed, and not the form as it was sent. */
  readonly signsTheText?: true
  readonly providerId: string | null
  readonly idIsSigned: boolean
  readonly parsed: Parsed
}

const root = new URL('../fixtures/deliveries/', import.meta.url)

export const providerNames = Object.keys(providers) as readonly ProviderName[]

export const fixtures: readonly Fixture[] = providerNames.flatMap((provider) =>
  readdirSync(new URL(`${provider}/`, root))
    .filter((file) => file.endsWith('.http'))
    .map((file) => readFixture(provider, file.replace(/\.http$/, ''))),
)

/** The provider of a fixture, with the options of the fixture's webhook for whatever options it is given. */
export function providerOf({ provider: name, options }: Fixture): Provider {
  const provider = providers[name]
  if (options === undefined) return provider
  return {
    ...provider,
    verify: (delivery, { secrets }) => provider.verify(delivery, { secrets, options }),
    sign: (message, { secret }) => provider.sign(message, { secret, options }),
  }
}

function readFixture(provider: ProviderName, name: string): Fixture {
  const expected = JSON.parse(readFileSync(new URL(`${provider}/${name}.json`, root), 'utf8')) as Expected
  const request = readFileSync(new URL(`${provider}/${name}.http`, root))
  const end = request.indexOf('\n\n')
  const [, ...lines] = request.subarray(0, end).toString().split('\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  )
  const delivery = createDelivery({
    headers,
    body: request.subarray(end + 2),
    receivedAt: new Date(expected.receivedAt),
  })
  return { ...expected, provider, name, delivery }
}

/** A push that any provider can put into its own words. */
export const sample: SamplePush = {
  repository: 'acme/blog',
  url: 'https://git.example.com/acme/blog.git',
  ref: 'refs/heads/main',
  before: null,
  after: null,
  forced: false,
  message: 'Write about owls',
  pusher: 'ada',
  at: new Date('2026-03-01T12:00:00Z'),
}

export function createDelivery(parts: Partial<Delivery>): Delivery {
  const at = new Date('2026-03-01T12:00:00Z')
  return { webhook: 'hook', headers: {}, body: Buffer.alloc(0), receivedAt: at, remoteAddress: '127.0.0.1', ...parts }
}

/** A delivery as the host would send it, `body` being bytes or what JSON makes of a value. */
export function sentBy(
  provider: Provider,
  body: unknown,
  options: {
    readonly secret: string
    readonly event?: string
    readonly headers?: Delivery['headers']
    readonly at?: Date
  },
): Delivery {
  const { secret, event = 'push', headers = {}, at = createDelivery({}).receivedAt } = options
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  const signed = provider.sign(
    { event, id: '3f0c2e6a-0001', body: bytes, at },
    { secret: new Secret(secret), options: {} },
  )
  return createDelivery({ headers: { ...signed.headers, ...headers }, body: signed.body, receivedAt: at })
}

export function verify(
  provider: Provider,
  delivery: Delivery,
  secrets: readonly string[],
): VerifiedDelivery | { readonly refused: RefusalReason } {
  return provider.verify(delivery, { secrets: secrets.map((text) => new Secret(text)), options: {} })
}

/** What the provider makes of a delivery that it must believe. */
export function parsed(provider: Provider, delivery: Delivery, secret: string): Parsed {
  const verified = verify(provider, delivery, [secret])
  if ('refused' in verified) throw new Error(`refused: ${verified.refused}`)
  return provider.parse(verified)
}
