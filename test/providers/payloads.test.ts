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
}

type Change = { readonly ref: string; readonly before: string; readonly after: string }
type Facts = Partial<Change> & {
  readonly forced?: boolean
  readonly deleted?: boolean
  readonly head_commit?: string | null
  readonly zen?: string
  readonly changes?: readonly Change[]
}
type Entry = { readonly file: string; readonly headers: string; readonly facts: Facts }
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
  readonly timestamp?: string
}

describe.skipIf(!here)(`real bodies (of ${root}, where it lies)`, () => {
  const entries = (read('INDEX.json') as readonly Entry[]).filter(({ file }) => providerOf(file) !== undefined)

  it('are many', () => {
    expect(entries.length).toBeGreaterThan(40)
  })

  it.each(entries)('$file says what its index says', ({ file, headers, facts }) => {
    const secret = 'a-secret-for-payloads'
    const provider = providerOf(file) ?? expect.fail()
    const sent = sentBy(provider, readFileSync(`${root}/${file}`), { secret, headers: recorded(headers) })
    const answer = parsed(provider, sent, secret)

    expect(factsOf(answer)).toEqual(expectedOf(facts))
    if (answer.kind === 'pushes') expect(answer.pushes.every(({ names }) => names.length >= 2)).toBe(true)
    if (facts.head_commit !== undefined) {
      expect(answer).toMatchObject({ pushes: [{ forced: facts.forced, headCommit: facts.head_commit && {} }] })
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
function recorded(file: string): Delivery['headers'] {
  const headers = Object.entries(read(file) as Record<string, string>).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  )
  return Object.fromEntries(headers.filter(([name]) => !/^_|token|signature/.test(name)))
}

function factsOf(answer: Parsed): unknown {
  if (answer.kind !== 'pushes') return answer.kind === 'ignored' ? answer.reason : answer
  return answer.pushes.map(({ ref, before, after }) => ({ ref, before, after }))
}

function expectedOf(facts: Facts): unknown {
  if (facts.zen !== undefined) return 'ping'
  const changes = facts.changes ?? (facts.before === undefined ? [] : [facts as Change])
  if (changes.length === 0) return 'event'
  return changes.map(({ ref, before, after }) => ({ ref, before: commit(before), after: commit(after) }))
}

function commit(id: string): string | null {
  return isZeroSha(id) ? null : id
}

function deliveryOf({ header, expected, body, bodyFile, webhookId, timestamp }: Vector): Delivery {
  const bytes = bodyFile === undefined ? Buffer.from(body ?? '') : readFileSync(`${root}/${bodyFile}`)
  const headers = { [header.toLowerCase()]: expected, 'webhook-id': webhookId, 'webhook-timestamp': timestamp }
  return createDelivery({ headers, body: bytes, receivedAt: new Date(Number(timestamp ?? 0) * 1000) })
}
