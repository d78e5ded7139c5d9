import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Delivery, RefusalReason } from '../../src/model/delivery.ts'
import { github } from '../../src/providers/github.ts'
import { createDelivery, parsed, sentBy, verify } from './fixtures.ts'

const secret = 'hub-secret-for-tests'
const body = Buffer.from('{"zen":"Keep it logically awesome."}')
const hex = createHmac('sha256', secret).update(body).digest('hex')

function judged(headers: Delivery['headers'], secrets = [secret]): RefusalReason | 'believed' {
  const verified = verify(github, createDelivery({ headers, body }), secrets)
  return 'refused' in verified ? verified.refused : 'believed'
}

describe('a signature of GitHub', () => {
  it('is the HMAC of the docs: secret, body and value of their example', () => {
    // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    const headers = { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' }
    const delivery = createDelivery({ headers, body: Buffer.from('Hello, World!') })
    expect(verify(github, delivery, ["It's a Secret to Everybody"])).toMatchObject({ secret: 0 })
  })

  it('is taken in exactly one form', () => {
    expect(judged({ 'x-hub-signature-256': `sha256=${hex}` })).toBe('believed')
  })

  it.each<[string, string | readonly string[]]>([
    ['nothing', ''],
    ['no digest', 'sha256='],
    ['no scheme', hex],
    ['no hex', `sha256=${'z'.repeat(64)}`],
    ['63 digits', `sha256=${hex.slice(1)}`],
    ['65 digits', `sha256=${hex}0`],
    ['digits in upper case', `sha256=${hex.toUpperCase()}`],
    ['the scheme in upper case', `SHA256=${hex}`],
    ['a space before', ` sha256=${hex}`],
    ['a space after', `sha256=${hex} `],
    ['a space inside', `sha256= ${hex}`],
    ['a line break after', `sha256=${hex}\n`],
    ['a NUL after', `sha256=${hex}\0`],
    ['two of them, as Node joins them', `sha256=${hex}, sha256=${hex}`],
    ['two of them, as a list', [`sha256=${hex}`, `sha256=${hex}`]],
    ['an empty list', []],
    ['SHA-1', `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`],
    ['MD5', 'md5=d41d8cd98f00b204e9800998ecf8427e'],
    ['no algorithm', 'none='],
    ['a megabyte', `sha256=${'a'.repeat(1_000_000)}`],
    ['digits of another script', `sha256=${'０'.repeat(64)}`],
  ])('with %s is malformed', (_what, header) => {
    expect(judged({ 'x-hub-signature-256': header })).toBe('malformed_header')
  })

  it('made by another scheme is told apart from none', () => {
    const sha1 = { 'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}` }
    expect(judged(sha1)).toBe('wrong_scheme')
    expect(judged({ 'x-hub-signature': `sha256=${hex}` })).toBe('wrong_scheme')
    expect(judged({ 'x-gitlab-token': secret })).toBe('wrong_scheme')
    expect(judged({ 'webhook-signature': 'v1,AAAA' })).toBe('wrong_scheme')
    expect(judged({ authorization: `Bearer ${secret}`, 'x-hub-signature-512': hex })).toBe('no_signature')
  })

  it('is never made with the empty key, though hosts without a secret make it so', () => {
    const forged = `sha256=${createHmac('sha256', '').update(body).digest('hex')}`
    expect(judged({ 'x-hub-signature-256': forged }, [''])).toBe('bad_signature')
    expect(judged({ 'x-hub-signature-256': forged }, [secret, ''])).toBe('bad_signature')
  })

  it('is keyed with the UTF-8 bytes of the secret', () => {
    const own = 'geheimnis-größe-鍵'
    const signature = createHmac('sha256', Buffer.from(own, 'utf8')).update(body).digest('hex')
    expect(judged({ 'x-hub-signature-256': `sha256=${signature}` }, [own])).toBe('believed')
  })

  it('covers a form as it was sent, not the JSON in it', () => {
    const json = '{"a":1}'
    const form = Buffer.from(`payload=${encodeURIComponent(json)}`)
    const sign = (text: string | Buffer): string => `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`
    const sent = (signature: string): Delivery =>
      createDelivery({ headers: { 'x-hub-signature-256': signature }, body: form })
    expect(verify(github, sent(sign(form)), [secret])).toMatchObject({ secret: 0 })
    expect(verify(github, sent(sign(json)), [secret])).toEqual({ refused: 'bad_signature' })
  })
})

describe('a delivery id of GitHub', () => {
  it.each<[string | undefined, string | null]>([
    ['72d3162e-cc78-11e3-81ab-4c9367dc0958', '72d3162e-cc78-11e3-81ab-4c9367dc0958'],
    ['x'.repeat(128), 'x'.repeat(128)],
    ['x'.repeat(129), null],
    ['', null],
    ['a b', null],
    ['a, a', null],
    ['a\u0000b', null],
    ['é', null],
    [undefined, null],
  ])('%j is kept as %j', (id, kept) => {
    const delivery = sentBy(github, {}, { secret, headers: { 'x-github-delivery': id } })
    expect(verify(github, delivery, [secret])).toMatchObject({ providerId: kept, idIsSigned: false })
  })
})

describe('an event of GitHub', () => {
  const repository = { full_name: 'acme/blog' }
  const push = { ref: 'refs/heads/main', before: 'a'.repeat(40), after: 'b'.repeat(40), repository }

  it.each<string | undefined>([
    undefined,
    '',
    'push, push',
    'push ',
    'pu\r\nsh',
    'push\0',
    'é',
    'x'.repeat(101),
    'x'.repeat(1024),
  ])('whose name is %j is malformed', (name) => {
    const delivery = sentBy(github, push, { secret, headers: { 'x-github-event': name } })
    expect(parsed(github, delivery, secret)).toEqual({
      kind: 'malformed',
      event: null,
      problem: 'X-GitHub-Event: must be the name of an event',
    })
  })

  it.each(['check_suite', 'workflow_run', 'create', 'delete', 'Push', 'PUSH', 'x'.repeat(100)])(
    '%s never deploys',
    (event) => {
      expect(parsed(github, sentBy(github, push, { secret, event }), secret)).toEqual({
        kind: 'ignored',
        event,
        reason: 'event',
      })
    },
  )

  it('ping is answered whatever its body holds', () => {
    const ping = parsed(github, sentBy(github, Buffer.from('no JSON'), { secret, event: 'ping' }), secret)
    expect(ping).toEqual({ kind: 'ignored', event: 'ping', reason: 'ping' })
  })

  it.each([
    ['application/json', 'pushes'],
    ['application/json; charset=utf-8', 'pushes'],
    ['application/json garbage', 'pushes'],
    ['application/json\t;x', 'pushes'],
    ['text/plain', 'pushes'],
    ['', 'pushes'],
    [undefined, 'pushes'],
    ['application/x-www-form-urlencoded', 'malformed'],
  ])('with the content type %j and a JSON body reads as %s', (type, kind) => {
    const delivery = sentBy(github, push, { secret, headers: { 'content-type': type } })
    expect(parsed(github, delivery, secret)).toMatchObject({ kind })
  })

  it.each(['application/x-www-form-urlencoded', 'Application/X-WWW-Form-URLencoded ; charset=utf-8'])(
    'sent as %s is read from its payload field',
    (type) => {
      const form = Buffer.from(`x=1&payload=${encodeURIComponent(JSON.stringify(push))}&y=2`)
      const delivery = sentBy(github, form, { secret, headers: { 'content-type': type } })
      expect(parsed(github, delivery, secret)).toMatchObject({ kind: 'pushes', pushes: [{ ref: 'refs/heads/main' }] })
    },
  )

  it('says deleted either by a flag or by zeros', () => {
    const after = (change: object): unknown => {
      const answer = parsed(github, sentBy(github, { ...push, ...change }, { secret }), secret)
      return answer.kind === 'pushes' ? answer.pushes[0]?.after : answer.kind
    }
    expect(after({})).toBe('b'.repeat(40))
    expect(after({ deleted: true })).toBeNull()
    expect(after({ after: '0'.repeat(40) })).toBeNull()
    expect(after({ after: '0'.repeat(64), deleted: false })).toBeNull()
  })

  it('of the largest size that GitHub sends is read, as JSON and as a form', () => {
    const files = Array.from({ length: 1000 }, (_, number) => `docs/page-${number}.md`)
    const commits = Array.from({ length: 800 }, () => ({ message: 'é\n"[{', added: files }))
    const large = JSON.stringify({ ...push, commits })
    const form = Buffer.from(`payload=${encodeURIComponent(large)}`)
    expect(large.length).toBeGreaterThan(14 * 2 ** 20)
    expect(form.length).toBeGreaterThan(20 * 2 ** 20)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answers = [sentBy(github, Buffer.from(large), { secret }), sentBy(github, form, { secret, headers })]
    for (const delivery of answers) {
      expect(parsed(github, delivery, secret)).toMatchObject({ kind: 'pushes', pushes: [{ ref: 'refs/heads/main' }] })
    }
  })
})
