import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import type { Delivery, RefusalReason } from '../../src/model/delivery.ts'
import { gitlab } from '../../src/providers/gitlab.ts'
import { createDelivery, parsed, sentBy, verify } from './fixtures.ts'

const token = 'lab-token-for-tests'
const signing = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const body = Buffer.from('{"object_kind":"push"}')

function judged(
  headers: Delivery['headers'],
  secrets: readonly string[],
  receivedAt?: Date,
): RefusalReason | 'believed' {
  const verified = verify(gitlab, createDelivery({ headers, body, ...(receivedAt && { receivedAt }) }), secrets)
  return 'refused' in verified ? verified.refused : 'believed'
}

describe('a secret token of GitLab', () => {
  it('is believed as it is, and its delivery id is not signed', () => {
    const delivery = createDelivery({ headers: { 'x-gitlab-token': token, 'idempotency-key': 'id-1' }, body })
    expect(verify(gitlab, delivery, [token])).toMatchObject({ providerId: 'id-1', idIsSigned: false, secret: 0 })
  })

  it('outside ASCII is compared by the bytes on the wire, which Node shows as Latin-1', () => {
    const own = 'geheimnis-größe-鍵'
    expect(judged({ 'x-gitlab-token': Buffer.from(own).toString('latin1') }, [own])).toBe('believed')
    expect(judged({ 'x-gitlab-token': own }, [own])).toBe('malformed_header')
  })

  it.each<[string, string | readonly string[], RefusalReason]>([
    ['empty', '', 'malformed_header'],
    ['cut', token.slice(1), 'bad_signature'],
    ['longer', `${token}x`, 'bad_signature'],
    ['in upper case', token.toUpperCase(), 'bad_signature'],
    ['sent twice', `${token}, ${token}`, 'bad_signature'],
    ['followed by a line break', `${token}\n`, 'malformed_header'],
    ['a wide character that would be cut to the right byte', `\u016c${token.slice(1)}`, 'malformed_header'],
    ['of a megabyte', 'x'.repeat(1_000_000), 'bad_signature'],
  ])('that is %s is refused', (_what, header, reason) => {
    expect(judged({ 'x-gitlab-token': header }, [token])).toBe(reason)
  })

  it('is told apart from the proof of another scheme and from none', () => {
    expect(judged({ 'webhook-signature': 'v1,AAAA' }, [token])).toBe('wrong_scheme')
    expect(judged({ 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }, [token])).toBe('wrong_scheme')
    expect(judged({ authorization: `Basic ${token}` }, [token])).toBe('no_signature')
  })

  it('that is empty proves nothing', () => {
    expect(judged({ 'x-gitlab-token': '' }, [''])).toBe('malformed_header')
    expect(judged({ 'x-gitlab-token': ' ' }, [token, ''])).toBe('bad_signature')
  })
})

describe('a signing token of GitLab', () => {
  const at = new Date('2026-03-01T12:00:00Z')
  const seconds = at.getTime() / 1000

  /** Headers made by hand: an id, a time in seconds and a signature over both and the body. */
  function signed(
    change: { id?: string; timestamp?: string; list?: (signature: string) => string; key?: Buffer } = {},
  ): Record<string, string> {
    const {
      id = 'id-1',
      timestamp = String(seconds),
      list = (signature: string) => signature,
      key = Buffer.alloc(32, 7),
    } = change
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': list(`v1,${signature}`) }
  }

  it('proves the id of the delivery too', () => {
    const delivery = createDelivery({ headers: signed(), body, receivedAt: at })
    expect(verify(gitlab, delivery, [signing])).toMatchObject({ providerId: 'id-1', idIsSigned: true, secret: 0 })
  })

  it('is never replaced by the secret token, however right that is', () => {
    expect(judged({ 'x-gitlab-token': signing }, [signing])).toBe('wrong_scheme')
    expect(judged({ ...signed({ key: Buffer.alloc(32, 8) }), 'x-gitlab-token': signing }, [signing])).toBe(
      'bad_signature',
    )
    expect(judged({ 'x-gitlab-token': token }, [signing, token])).toBe('wrong_scheme')
    expect(judged({}, [signing])).toBe('no_signature')
  })

  it('is not checked with a key that is none', () => {
    const keyless = signed({ key: Buffer.alloc(0) })
    for (const secret of ['whsec_', 'whsec_AAAA', 'whsec_!!!!', ''])
      expect(judged(keyless, [signing, secret])).toBe('bad_signature')
  })

  it('may stand anywhere on a list of signatures, next to versions of which we know nothing', () => {
    const other = `v1,${Buffer.alloc(32).toString('base64')}`
    expect(judged(signed({ list: (own) => `${other} ${own}` }), [signing])).toBe('believed')
    expect(judged(signed({ list: (own) => `v1a,AAAA ${own} v2,AAAA` }), [signing])).toBe('believed')
    expect(judged(signed({ list: () => `${other} ${other}` }), [signing])).toBe('bad_signature')
    expect(judged(signed({ list: () => 'v1a,AAAA' }), [signing])).toBe('wrong_scheme')
  })

  it.each<[string, (own: string) => string]>([
    ['empty', () => ''],
    ['a version alone', () => 'v1,'],
    ['without its version', (own) => own.slice(3)],
    ['in hex', () => `v1,${'0'.repeat(64)}`],
    ['a byte short', () => `v1,${Buffer.alloc(31).toString('base64')}`],
    ['without its padding', (own) => own.slice(0, -1)],
    ['spelt another way', (own) => `${own.slice(0, -2)}${nextLetter(own.at(-2))}=`],
    ['doubled, as Node joins headers', (own) => `${own}, ${own}`],
    ['parted by two spaces', (own) => `${own}  ${own}`],
    ['followed by a space', (own) => `${own} `],
    ['followed by a line break', (own) => `${own}\n`],
    ['a very long list', (own) => Array.from({ length: 100 }, () => own).join(' ')],
  ])('whose signature is %s is malformed', (_what, list) => {
    expect(judged(signed({ list }), [signing])).toBe('malformed_header')
  })

  it.each(['', 'a.b', '.', 'a b', 'a\0', 'é', 'x'.repeat(129), 'id-1, id-1'])('with the id %j is malformed', (id) => {
    expect(judged(signed({ id }), [signing])).toBe('malformed_header')
  })

  it.each([
    '',
    ' ',
    '1.5',
    '1e9',
    '-1',
    '+1',
    '0x1',
    `${seconds} `,
    ` ${seconds}`,
    `${seconds}, ${seconds}`,
    '9'.repeat(13),
    'NaN',
    '１',
  ])('with the time %j is malformed', (timestamp) => {
    expect(judged(signed({ timestamp }), [signing])).toBe('malformed_header')
  })

  it.each(['webhook-id', 'webhook-timestamp'])('without %s is malformed', (name) => {
    expect(judged({ ...signed(), [name]: undefined }, [signing])).toBe('malformed_header')
  })

  it.each<[number, RefusalReason | 'believed']>([
    [-301, 'stale'],
    [-300, 'believed'],
    [0, 'believed'],
    [300, 'believed'],
    [301, 'stale'],
  ])('signed %i s from now is %s', (offset, answer) => {
    expect(judged(signed({ timestamp: String(seconds + offset) }), [signing], at)).toBe(answer)
  })

  it('calls stale only what is truly signed', () => {
    const headers = { ...signed({ timestamp: '1' }), 'webhook-timestamp': '2' }
    expect(judged(headers, [signing], at)).toBe('bad_signature')
  })

  it('binds id and time to the body: neither can be exchanged', () => {
    expect(judged({ ...signed(), 'webhook-id': 'id-2' }, [signing])).toBe('bad_signature')
    expect(judged({ ...signed(), 'webhook-timestamp': String(seconds + 1) }, [signing])).toBe('bad_signature')
  })

  it('cannot sign with what is no signing token', () => {
    const message = { event: 'push', id: 'id-1', body, at }
    expect(() => gitlab.sign(message, { secret: new Secret('whsec_AAAA'), options: {} })).toThrow(
      'a signing secret is whsec_ and then 24 to 64 bytes in base64',
    )
  })
})

describe('the secrets of a GitLab webhook', () => {
  const check = (...texts: readonly string[]): string | null | undefined =>
    gitlab.checkSecrets?.(texts.map((text) => new Secret(text)))
  const key = (length: number): string => `whsec_${Buffer.alloc(length, 1).toString('base64')}`

  it('are of one kind', () => {
    expect(check(token)).toBeNull()
    expect(check(token, 'another-token')).toBeNull()
    expect(check(signing, key(24), key(64))).toBeNull()
    expect(check(signing, token)).toMatch(/^mixes a signing token \(whsec_…\) with a secret token/)
    expect(check(token, signing)).toMatch(/^mixes/)
  })

  it.each([
    'whsec_',
    key(23),
    key(65),
    signing.slice(0, -1),
    `${signing}=`,
    `${signing} `,
    'whsec_not/base64!',
    'whsec_my-own-words-in-place-of-a-key',
  ])('%s is no signing token', (text) => {
    expect(check(text)).toBe(
      'starts with whsec_ but is no GitLab signing token, which is whsec_ and then 24 to 64 bytes in base64: copy the whole token',
    )
    expect(check(token, text)).toMatch(/^starts with whsec_/)
  })
})

describe('an event of GitLab', () => {
  const push = {
    object_kind: 'push',
    ref: 'refs/heads/main',
    before: 'a'.repeat(40),
    after: 'b'.repeat(40),
    project: { path_with_namespace: 'acme/blog' },
  }

  const read = (value: object, event = 'push'): unknown =>
    parsed(gitlab, sentBy(gitlab, value, { secret: token, event }), token)

  it.each(['merge_request', 'note', 'pipeline', 'issue', 'project_create', 'Push', 'push_hook'])(
    '%s never deploys',
    (event) => {
      const { object_kind, ...rest } = push
      expect(object_kind).toBe('push')
      const ignored = { kind: 'ignored', event, reason: 'event' }
      expect(read({ ...rest, object_kind: event })).toEqual(ignored)
      expect(read({ ...rest, event_name: event }, event)).toEqual(ignored)
    },
  )

  it('is what its body says, since the header is never signed', () => {
    const headers = { 'x-gitlab-event': 'Merge Request Hook' }
    expect(parsed(gitlab, sentBy(gitlab, push, { secret: token, headers }), token)).toMatchObject({
      kind: 'pushes',
      event: 'push',
    })
    expect(read({ ...push, event_name: 'tag_push' })).toMatchObject({ kind: 'pushes', event: 'push' })
  })

  it.each([undefined, null, '', 1, {}, ['push'], 'a b', 'push\n', 'é', 'x'.repeat(101), 'x'.repeat(1_000_000)])(
    'called %j in the body is malformed',
    (name) => {
      const problem = { kind: 'malformed', event: null, problem: 'object_kind: must be the name of an event' }
      expect(read({ ...push, object_kind: name, event_name: name })).toEqual(problem)
    },
  )

  it('names the head commit by what was checked out, and none when it is not on the list', () => {
    const commits = [null, 7, { id: 7 }, { id: 'c', message: 'other' }, { id: 'd', message: 'own', author: 'nobody' }]
    expect(read({ ...push, commits, checkout_sha: 'd' })).toMatchObject({
      pushes: [{ headCommit: { message: 'own', author: null } }],
    })
    expect(read({ ...push, commits, checkout_sha: 'e' })).toMatchObject({ pushes: [{ headCommit: null }] })
    expect(read({ ...push, commits: 'none', checkout_sha: 'd' })).toMatchObject({ pushes: [{ headCommit: null }] })
  })

  it('with several refs is a push of each, or malformed as a whole', () => {
    const { ref, before, after, project } = push
    const update = (changes: unknown): unknown => read({ event_name: 'repository_update', project, changes }, 'system')
    expect(
      update([
        { ref, before, after },
        { ref: 'refs/tags/v1', before, after },
      ]),
    ).toMatchObject({
      kind: 'pushes',
      pushes: [{ ref: 'refs/heads/main' }, { ref: 'refs/tags/v1' }],
    })
    expect(update([])).toMatchObject({ kind: 'pushes', pushes: [] })
    expect(
      update([
        { ref, before, after },
        { ref: 'main', before, after },
      ]),
    ).toMatchObject({
      kind: 'malformed',
      problem: 'changes.1.ref: must be a full ref name such as refs/heads/main',
    })
    expect(update(Array.from({ length: 1_000_000 }, () => 0))).toMatchObject({
      problem: 'changes.0: must be an object',
    })
    for (const changes of [undefined, null, 'all', {}]) {
      expect(update(changes)).toMatchObject({ kind: 'malformed', problem: 'changes: must be a list' })
    }
  })
})

/** The letter whose bits differ only where a padded base64 text has none to spare. */
function nextLetter(letter = 'A'): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return alphabet[alphabet.indexOf(letter) ^ 1] ?? 'A'
}
