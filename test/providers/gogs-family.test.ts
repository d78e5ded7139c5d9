import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../src/model/delivery.ts'
import { providers } from '../../src/providers/index.ts'
import type { Parsed } from '../../src/providers/provider.ts'
import { createDelivery, parsed, sentBy, verify } from './fixtures.ts'

const secret = 'a-secret-of-the-family'
const zeros = '0'.repeat(40)
const sha = 'b'.repeat(40)
const repository = { full_name: 'Acme/Blog' }
const push = { ref: 'refs/heads/main', before: 'a'.repeat(40), after: sha, repository }

describe.each(['gitea', 'forgejo', 'gogs'] as const)('%s', (name) => {
  const provider = providers[name]
  const signature = `x-${name}-signature`
  const told = (event: string, body: object): Parsed =>
    parsed(provider, sentBy(provider, body, { secret, event }), secret)
  const refsOf = (answer: Parsed): readonly unknown[] =>
    answer.kind === 'pushes' ? answer.pushes.map(({ ref, after, deleted }) => ({ ref, after, deleted })) : [answer]

  it.each([sha, zeros, '0'.repeat(64)])('takes the test of its form, from %s to the same, for a ping', (id) => {
    expect(told('push', { ...push, before: id, after: id })).toEqual({ kind: 'ignored', event: 'push', reason: 'ping' })
  })

  it.each([
    ['tag', 'v1', 'refs/tags/v1'],
    ['tag', 'refs/tags/v1', 'refs/tags/v1'],
    ['tag', 'refs/heads/main', 'refs/tags/refs/heads/main'],
    ['branch', 'main', 'refs/heads/main'],
    ['branch', 'refs/heads/main', 'refs/heads/main'],
    ['branch', 'refs/tags/v1', 'refs/heads/refs/tags/v1'],
  ])('reads the deletion of the %s %s as that of %s', (ref_type, ref, full) => {
    expect(refsOf(told('delete', { ref, ref_type, repository }))).toEqual([{ ref: full, after: null, deleted: true }])
  })

  it('refuses the empty signature of a form without a secret, and says that it is none', () => {
    const headers = { 'x-hub-signature-256': 'sha256=', 'x-hub-signature': 'sha1=', [signature]: '' }
    expect(verify(provider, createDelivery({ headers, body: Buffer.from('{}') }), [secret])).toEqual({
      refused: 'no_signature',
    })
  })

  it.each(['x-hub-signature-256', 'x-gitlab-token'])('never looks at %s', (other) => {
    const { headers, body } = sentBy(provider, push, { secret, event: 'push' })
    const value = other === 'x-gitlab-token' ? secret : `sha256=${String(headers[signature])}`
    const sent = createDelivery({ headers: { ...headers, [signature]: undefined, [other]: value }, body })
    expect(verify(provider, sent, [secret])).toEqual({ refused: 'wrong_scheme' })
  })

  it('takes a form for the text in it, however the form spells it, so that none is another delivery', () => {
    const { headers, body } = sentBy(provider, push, { secret, event: 'push' })
    const form = (text: string): Delivery =>
      createDelivery({
        headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from(text),
      })
    const everyByte = body.toString('hex').replace(/../g, '%$&')
    const spellings = [
      `payload=${encodeURIComponent(body.toString())}`,
      `payload=${everyByte}`,
      `a=b&payload=${everyByte}`,
    ]
    for (const text of spellings) expect(verify(provider, form(text), [secret])).toMatchObject({ body, secret: 0 })
    for (const text of ['', 'payload=', `payload=${everyByte}&payload=x`, everyByte, 'payload=%zz'])
      expect(verify(provider, form(text), [secret])).toEqual({ refused: 'bad_signature' })
  })
})

describe('forgejo', () => {
  const body = Buffer.from(JSON.stringify(push))
  const of = (name: 'forgejo' | 'gitea'): string =>
    String(sentBy(providers[name], body, { secret }).headers[`x-${name}-signature`])

  it('believes the signature under its own name, and under that of Gitea only where there is no other', () => {
    const judged = (headers: Delivery['headers']): unknown =>
      verify(providers.forgejo, createDelivery({ headers, body }), [secret])
    expect(judged({ 'x-gitea-signature': of('gitea') })).toMatchObject({ secret: 0 })
    expect(judged({ 'x-forgejo-signature': of('forgejo'), 'x-gitea-signature': '' })).toMatchObject({ secret: 0 })
    expect(judged({ 'x-forgejo-signature': '0'.repeat(64), 'x-gitea-signature': of('gitea') })).toEqual({
      refused: 'bad_signature',
    })
    expect(judged({ 'x-forgejo-signature': '', 'x-gitea-signature': of('gitea') })).toEqual({ refused: 'no_signature' })
    expect(judged({ 'x-gogs-signature': of('gitea') })).toEqual({ refused: 'no_signature' })
  })
})

describe('gogs', () => {
  it('never takes a tag for the branch whose full name it bears', () => {
    const body = { ref: 'refs/heads/main', ref_type: 'tag', sha, repository }
    const sent = sentBy(providers.gogs, body, { secret, event: 'create' })
    expect(parsed(providers.gogs, sent, secret)).toMatchObject({
      pushes: [{ ref: 'refs/tags/refs/heads/main', after: sha, deleted: false }],
    })
  })
})
