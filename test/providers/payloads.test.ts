import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../src/model/delivery.ts'
import { isZeroSha } from '../../src/model/revision.ts'
import { providers } from '../../src/providers/index.ts'
import type { Parsed, Provider } from '../../src/providers/provider.ts'
import { createDelivery, parsed, sentBy, verify } from './fixtures.ts'

/** Real bodies and published signatures, lying beside the project on the machine where it is made; never copied here. */
const root = '/work/shared/payloads'
const here = existsSync(`${root}/INDEX.json`)

const folders: Readonly<Record<string, Provider>> = {
  github: providers.github,
  'github-enterprise': providers.github,
  gitlab: providers.gitlab,
  gitea: providers.gitea,
  forgejo: providers.forgejo,
  gogs: providers.gogs,
  'bitbucket-cloud': providers.bitbucket,
  'bitbucket-datacenter': providers['bitbucket-datacenter'],
  gitee: providers.gitee,
  'azure-devops': providers.azure,
}

type Change = {
  readonly ref: string
  readonly before: string | null
  readonly after: string | null
  /** Bitbucket Cloud: short names. */
  readonly old?: string | null
  readonly new?: string | null
  readonly type?: string
}
type Facts = Partial<Change> & {
  readonly forced?: boolean
  readonly deleted?: boolean
  readonly head_commit?: string | null
  readonly zen?: string
  readonly changes?: readonly Change[]
}
type Entry = { readonly file: string; readonly headers: string | null; readonly facts: Facts }
type Vector = {
  readonly id: string
  readonly provider: string
  readonly header: string
  readonly expected: string
  readonly algorithm: string
  readonly secret?: string
  readonly body?: string
  readonly bodyFile?: string
  readonly webhookId?: string
  readonly contentType?: string
  readonly timestamp?: string
}

/** What the index has no facts for: events of their own for what others call a push, and what nobody sends any more. */
const told = new Map<string, unknown>([
  ['gitea/delete-tag--go-scm.json', [{ ref: 'refs/tags/v1.0.0', before: null, after: null }]],
  ['gogs/delete--go-playground.json', [{ ref: 'refs/heads/obsolete-branch', before: null, after: null }]],
  [
    'gogs/create-tag--go-scm.json',
    [{ ref: 'refs/tags/v1.0.0', before: null, after: '599d25c67b05717269f50ac082b34f176d085179' }],
  ],
  ...['branch-deleted', 'commit-update', 'commit-update2'].map(
    (name) => [`bitbucket-datacenter/legacy-plugin-${name}--jenkins.json`, 'event'] as const,
  ),
])

describe.skipIf(!here)(`real bodies (of ${root}, where it lies)`, () => {
  const entries = (read('INDEX.json') as readonly Entry[]).filter(({ file }) => providerOf(file) !== undefined)

  it('are many', () => {
    expect(entries.length).toBeGreaterThan(40)
  })

  it.each(entries)('$file says what its index says', ({ file, headers, facts }) => {
    const secret = 'a-secret-for-payloads'
    const provider = providerOf(file) ?? expect.fail()
    const event = provider === providers.azure ? 'git.push' : 'push'
    const sent = sentBy(provider, readFileSync(`${root}/${file}`), { secret, event, headers: recorded(headers) })
    const answer = parsed(provider, sent, secret)

    expect(factsOf(answer)).toEqual(told.get(file) ?? expectedOf(facts))
    // Without its host a repository can be known by an alias only.
    const withoutHost = /^bitbucket-datacenter\/.*--go-scm/.test(file)
    if (answer.kind === 'pushes' && !withoutHost)
      expect(answer.pushes.every(({ names }) => names.length >= 2)).toBe(true)
    if (facts.head_commit !== undefined) {
      expect(answer).toMatchObject({ pushes: [{ forced: facts.forced ?? null, headCommit: facts.head_commit && {} }] })
    }
  })
})

describe.skipIf(!here)(`published signatures (of ${root}, where it lies)`, () => {
  const vectors = read('VECTORS.json') as readonly Vector[]

  it.each(vectors.filter(({ provider, header }) => provider === 'github' && header === 'X-Hub-Signature-256'))(
    '$id is believed, and with another secret refused',
    (vector) => {
      expect(verify(providers.github, deliveryOf(vector), [vector.secret ?? ''])).toMatchObject({ secret: 0 })
      expect(verify(providers.github, deliveryOf(vector), ['another-secret'])).toEqual({ refused: 'bad_signature' })
    },
  )

  it.each(vectors.filter(({ provider, header }) => provider === 'github' && header === 'X-Hub-Signature'))(
    '$id is right, but SHA-1 alone is not taken',
    (vector) => {
      expect(verify(providers.github, deliveryOf(vector), [vector.secret ?? ''])).toEqual({ refused: 'wrong_scheme' })
    },
  )

  it.each(vectors.filter(({ header, algorithm }) => header === 'webhook-signature' && algorithm === 'hmac-sha256'))(
    '$id is believed at its time, and stale afterwards',
    (vector) => {
      const delivery = deliveryOf(vector)
      const later = new Date(delivery.receivedAt.getTime() + 301_000)
      expect(verify(providers.gitlab, delivery, [vector.secret ?? ''])).toMatchObject({
        secret: 0,
        providerId: vector.webhookId,
      })
      expect(verify(providers.gitlab, { ...delivery, receivedAt: later }, [vector.secret ?? ''])).toEqual({
        refused: 'stale',
      })
    },
  )

  const signed: readonly (readonly [of: string, provider: Provider])[] = [
    ['bitbucket-cloud', providers.bitbucket],
    ['bitbucket-datacenter', providers['bitbucket-datacenter']],
    ['gitea', providers.gitea],
    ['gitea', providers.forgejo],
    ['gogs', providers.gogs],
  ]
  it.each(signed.flatMap(([of, provider]) => vectorsOf(of).map((vector) => ({ ...vector, host: provider }))))(
    '$id is believed, and with another secret or without the body refused',
    ({ host, ...vector }) => {
      const delivery = deliveryOf(vector)
      expect(verify(host, delivery, [vector.secret ?? ''])).toMatchObject({ secret: 0 })
      expect(verify(host, delivery, ['another-secret'])).toEqual({ refused: 'bad_signature' })
      expect(verify(host, { ...delivery, body: Buffer.alloc(0) }, [vector.secret ?? ''])).toEqual({
        refused: 'bad_signature',
      })
    },
  )

  it.each(vectorsOf('gitee'))('$id is believed for an hour, in base64 and percent-encoded', (vector) => {
    const at = Number(vector.timestamp)
    const sent = (token: string, receivedAt: number): Delivery =>
      createDelivery({
        headers: { 'x-gitee-token': token, 'x-gitee-timestamp': vector.timestamp },
        receivedAt: new Date(receivedAt),
      })
    const judged = (token: string, receivedAt: number, secret = vector.secret ?? ''): unknown =>
      verify(providers.gitee, sent(token, receivedAt), [secret])
    expect(judged(vector.expected, at + 3_600_000)).toMatchObject({ secret: 0 })
    expect(judged(encodeURIComponent(vector.expected), at)).toMatchObject({ secret: 0 })
    expect(judged(vector.expected, at + 3_600_001)).toEqual({ refused: 'stale' })
    expect(judged(vector.expected, at - 3_600_001)).toEqual({ refused: 'stale' })
    expect(judged(vector.expected, at, 'another-secret')).toEqual({ refused: 'bad_signature' })
  })

  it('standard-webhooks is what the provider standard believes; a signature by a public key alone is not', () => {
    const [vector, asymmetric] = vectorsOf('standard-webhooks')
    if (vector === undefined || asymmetric === undefined) expect.fail('the vectors are not there')
    expect(verify(providers.standard, deliveryOf(vector), [vector.secret ?? ''])).toMatchObject({ secret: 0 })
    expect(verify(providers.standard, deliveryOf(asymmetric), [vector.secret ?? ''])).toEqual({
      refused: 'wrong_scheme',
    })
  })

  function vectorsOf(provider: string): readonly Vector[] {
    return vectors.filter((vector) => vector.provider === provider)
  }

  it('empty-secret-trap is refused', () => {
    const trap = vectors.find(({ id }) => id === 'empty-secret-trap') ?? expect.fail()
    expect(verify(providers.github, deliveryOf(trap), [''])).toEqual({ refused: 'bad_signature' })
  })

  it('are some of each kind', () => {
    const own = vectors.filter(({ provider }) => provider === 'github' || provider === 'gitlab')
    expect(new Set(own.map(({ header }) => header))).toEqual(
      new Set(['X-Hub-Signature', 'X-Hub-Signature-256', 'webhook-signature']),
    )
  })
})

function read(file: string): unknown {
  return JSON.parse(here ? readFileSync(`${root}/${file}`, 'utf8') : '[]')
}

function providerOf(file: string): Provider | undefined {
  return folders[file.split('/')[0] ?? '']
}

/** The headers as they were seen, but for those that prove: these we make ourselves. */
function recorded(file: string | null): Delivery['headers'] {
  if (file === null) return {}
  const headers = Object.entries(read(file) as Record<string, string>).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  )
  return Object.fromEntries(headers.filter(([name]) => !/^_|token|signature|timestamp/.test(name)))
}

function factsOf(answer: Parsed): unknown {
  if (answer.kind !== 'pushes') return answer.kind === 'ignored' ? answer.reason : answer
  return answer.pushes.map(({ ref, before, after }) => ({ ref, before, after }))
}

function expectedOf(facts: Facts): unknown {
  if (facts.zen !== undefined) return 'ping'
  const changes = facts.changes ?? (facts.before === undefined ? [] : [facts as Change])
  if (changes.length === 0) return 'event'
  return changes.map((change) => ({
    ref: refOf(change),
    before: commit(change.before),
    after: commit(change.after),
  }))
}

function refOf(change: Change): string {
  const kinds: Readonly<Record<string, string>> = { branch: 'refs/heads/', tag: 'refs/tags/' }
  const name = change.new ?? change.old ?? null
  return name === null ? change.ref : `${kinds[change.type ?? ''] ?? ''}${name}`
}

function commit(id: string | null): string | null {
  return id === null || isZeroSha(id) ? null : id
}

function deliveryOf({ header, expected, body, bodyFile, webhookId, timestamp, contentType }: Vector): Delivery {
  const bytes = bodyFile === undefined ? Buffer.from(body ?? '') : readFileSync(`${root}/${bodyFile}`)
  const headers = {
    'content-type': contentType,
    [header.toLowerCase()]: expected,
    'webhook-id': webhookId,
    'webhook-timestamp': timestamp,
  }
  return createDelivery({ headers, body: bytes, receivedAt: new Date(Number(timestamp ?? 0) * 1000) })
}
