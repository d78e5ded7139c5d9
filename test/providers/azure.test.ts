import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import type { Delivery } from '../../src/model/delivery.ts'
import { azure } from '../../src/providers/azure.ts'
import { createDelivery } from './fixtures.ts'

const secret = 'azure-secret-for-tests'

function judged(headers: Delivery['headers'], options: object = {}): unknown {
  const verified = azure.verify(createDelivery({ headers }), { secrets: [new Secret(secret)], options })
  return 'refused' in verified ? verified.refused : verified.secret
}

function basic(pair: string): Delivery['headers'] {
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

describe('the basic authentication of Azure DevOps', () => {
  it('takes the secret as password, with colons in it and under any user name', () => {
    expect(judged(basic(`deployhook:${secret}`))).toBe(0)
    expect(judged(basic(`:${secret}`))).toBe(0)
  })

  it('takes no other user where deploy.yml names one', () => {
    expect(judged(basic(`ada:${secret}`), { username: 'ada' })).toBe(0)
    expect(judged(basic(`eve:${secret}`), { username: 'ada' })).toBe('bad_signature')
  })

  it.each([
    ['another password', basic('deployhook:wrong'), 'bad_signature'],
    ['no password', basic('deployhook:'), 'bad_signature'],
    ['no colon', basic(secret), 'malformed_header'],
    ['no base64', { authorization: `Basic ${secret}:` }, 'malformed_header'],
    ['another scheme', { authorization: `Bearer ${secret}` }, 'wrong_scheme'],
    ['nothing', {}, 'no_signature'],
  ])('refuses %s', (_, headers, reason) => {
    expect(judged(headers)).toBe(reason)
  })
})

describe('a header of one’s own', () => {
  const options = { header: 'X-Deploy-Token' }

  it('carries the secret, and the right password elsewhere does not replace it', () => {
    expect(judged({ 'x-deploy-token': secret }, options)).toBe(0)
    expect(judged({ 'x-deploy-token': 'wrong' }, options)).toBe('bad_signature')
    expect(judged(basic(`deployhook:${secret}`), options)).toBe('wrong_scheme')
    expect(judged({ ...basic(`deployhook:${secret}`), 'x-deploy-token': 'wrong' }, options)).toBe('bad_signature')
  })

  it('replaces the basic authentication, so that a user name beside it means nothing', () => {
    expect(azure.options.safeParse({ ...options, username: 'ada' }).error?.issues).toMatchObject([
      { path: ['username'], message: expect.stringContaining('leave out the one that Azure does not send') as string },
    ])
  })

  it.each(['User-Agent', 'Content-Type', 'Authorization', 'Host', 'X-', 'X Token', 'X-Token\n'])(
    'is not %j, which is kept or belongs to somebody else',
    (header) => {
      expect(azure.options.safeParse({ header }).success).toBe(false)
    },
  )
})
