import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { providers } from '../../src/providers/index.ts'
import { createDelivery, parsed, sentBy, verify } from './fixtures.ts'

const secret = 'a-secret-of-gitee-0001'
const now = new Date('2026-03-01T12:00:00Z')
const timestamp = String(now.getTime())
const signed = (time: string, key = secret): string =>
  createHmac('sha256', key).update(`${time}\n${key}`).digest('base64')

function judged(headers: Readonly<Record<string, string>>, secrets: readonly string[] = [secret]): unknown {
  return verify(providers.gitee, createDelivery({ headers, body: Buffer.from('{}'), receivedAt: now }), secrets)
}

describe('the token of gitee', () => {
  it('is the password, of any age, or a sign that this minute made', () => {
    expect(judged({ 'x-gitee-token': secret })).toMatchObject({ secret: 0, providerId: null })
    expect(judged({ 'x-gitee-token': secret, 'x-gitee-timestamp': '1' })).toMatchObject({ secret: 0 })
    expect(judged({ 'x-gitee-token': signed(timestamp), 'x-gitee-timestamp': timestamp })).toMatchObject({ secret: 0 })
  })

  it('is the UTF-8 of a password that is not ASCII, as Node hands it over', () => {
    const password = '密码-0123456789abcdef'
    const token = Buffer.from(password).toString('latin1')
    expect(judged({ 'x-gitee-token': token }, [password])).toMatchObject({ secret: 0 })
    expect(judged({ 'x-gitee-token': token })).toEqual({ refused: 'bad_signature' })
  })

  it('is refused as none when it is empty: the form holds no password', () => {
    expect(judged({ 'x-gitee-token': '', 'x-gitee-timestamp': timestamp })).toEqual({ refused: 'no_signature' })
    expect(judged({ 'x-gitee-timestamp': timestamp })).toEqual({ refused: 'no_signature' })
  })

  it('is refused where another host shows its own proof', () => {
    expect(judged({ 'x-gitlab-token': secret })).toEqual({ refused: 'wrong_scheme' })
  })

  it.each([
    ['without its time', {}, 'malformed_header'],
    ['with a time of another', { 'x-gitee-timestamp': String(now.getTime() + 1) }, 'bad_signature'],
    ['with a time that is no number', { 'x-gitee-timestamp': '1e12' }, 'malformed_header'],
    ['with a negative time', { 'x-gitee-timestamp': '-1' }, 'malformed_header'],
    ['with two times', { 'x-gitee-timestamp': `${timestamp}, ${timestamp}` }, 'malformed_header'],
  ])('is refused when it is a sign %s', (_, time, refused) => {
    expect(judged({ 'x-gitee-token': signed(timestamp), ...time })).toEqual({ refused })
  })

  it('is stale when its time is in seconds, or more than an hour off in either direction', () => {
    for (const time of [now.getTime() / 1000, now.getTime() - 3_600_001, now.getTime() + 3_600_001].map(String))
      expect(judged({ 'x-gitee-token': signed(time), 'x-gitee-timestamp': time })).toEqual({ refused: 'stale' })
  })

  it.each(['%', '%2', '%zz', '%25'.repeat(15), 'A'.repeat(43), `${'A'.repeat(43)}=%3D`, `${'%41'.repeat(43)}=`])(
    'is no sign when it is %s',
    (token) => {
      expect(judged({ 'x-gitee-token': token, 'x-gitee-timestamp': timestamp })).toEqual({ refused: 'bad_signature' })
    },
  )

  it('proves nothing for an empty secret, though anybody can make its sign', () => {
    const headers = { 'x-gitee-token': signed(timestamp, ''), 'x-gitee-timestamp': timestamp }
    expect(judged(headers, [''])).toEqual({ refused: 'bad_signature' })
  })
})

describe('a push of gitee', () => {
  const push = {
    hook_name: 'push_hooks',
    ref: 'refs/heads/main',
    before: '0'.repeat(40),
    after: 'b'.repeat(40),
    repository: { full_name: 'Acme/Blog' },
  }
  const told = (change: object): unknown =>
    parsed(providers.gitee, sentBy(providers.gitee, { ...push, ...change }, { secret }), secret)

  it('may have null for its commits, its head and their count', () => {
    expect(told({ commits: null, head_commit: null, total_commits_count: null, pusher: null })).toMatchObject({
      pushes: [{ ref: 'refs/heads/main', before: null, after: 'b'.repeat(40), headCommit: null, pusher: null }],
    })
  })

  it('deletes when it says so or leads to zeros', () => {
    for (const change of [{ deleted: true }, { after: '0'.repeat(40) }, { after: '0'.repeat(40), head_commit: null }])
      expect(told({ ...change, before: 'a'.repeat(40) })).toMatchObject({ pushes: [{ deleted: true, after: null }] })
  })

  it('is told by its body, not by a header that no sign covers', () => {
    const sent = sentBy(providers.gitee, push, { secret, event: 'merge_request_hooks' })
    expect(parsed(providers.gitee, sent, secret)).toMatchObject({ kind: 'pushes', event: 'push_hooks' })
  })
})
