import { describe, expect, it } from 'vitest'
import type { Stray } from '../../src/model/delivery.ts'
import { createStrays } from '../../src/store/index.ts'
import { dial, openDoor, secret, type Asked, type Door } from './door.ts'

async function openNoted(limits: object = {}): Promise<{ door: Door; noted: () => readonly Partial<Stray>[] }> {
  const strays = createStrays()
  const door = await openDoor({ strays, limits })
  return { door, noted: () => strays.recent().map(({ webhook, reason }) => ({ webhook, reason })) }
}

describe('a request that reaches no webhook', () => {
  it.each<[string, Asked, number, Partial<Stray>]>([
    ['/hooks/gihub', { method: 'POST' }, 404, { webhook: 'gihub', reason: 'no_webhook' }],
    ['/hooks/github/', { method: 'POST' }, 404, { webhook: 'github', reason: 'no_webhook' }],
    ['/hooks/gihub', { method: 'GET' }, 404, { webhook: 'gihub', reason: 'no_webhook' }],
    ['/hooks/github', { method: 'GET' }, 405, { webhook: 'github', reason: 'method' }],
    ['/hooks/%3Cb%3E', { method: 'POST' }, 404, { webhook: null, reason: 'no_webhook' }],
    ['/', { method: 'POST', headers: { 'x-github-event': 'push' } }, 404, { webhook: null, reason: 'no_webhook' }],
    [
      '/hooks/github',
      { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: 'x' },
      415,
      { webhook: 'github', reason: 'encoded' },
    ],
  ])('%s (%o) is answered %d and remembered', async (path, asked, status, stray) => {
    const { door, noted } = await openNoted()
    expect((await door.api(path, { token: null, ...asked })).status).toBe(status)
    expect(noted()).toEqual([stray])
  })

  it('is remembered when it is too large', async () => {
    const { door, noted } = await openNoted({ deliveryBytes: 10 })
    expect((await door.api('/hooks/github', { method: 'POST', body: 'x'.repeat(11) })).status).toBe(413)
    expect(noted()).toEqual([{ webhook: 'github', reason: 'too_large' }])
  })

  it('is remembered when its sender is refused too often', async () => {
    const { door, noted } = await openNoted({ refusalBurst: 0 })
    expect((await door.push({ key: `not-${secret}` })).status).toBe(429)
    expect(noted()).toEqual([{ webhook: 'github', reason: 'rate_limited' }])
  })

  it('is remembered when it does not end in time', async () => {
    const { door, noted } = await openNoted({ headersMs: 50, requestMs: 50, checkMs: 20 })
    const line = await dial(door)
    line.say('POST /hooks/github HTTP/1.1\r\nHost: x\r\n')
    expect(await line.ended()).toContain('408')
    expect(noted()).toEqual([{ webhook: null, reason: 'timeout' }])
  })

  it('is not remembered when it was meant for something else', async () => {
    const { door, noted } = await openNoted()
    await door.api('/wp-login.php', { method: 'POST', token: null })
    await door.api('/api/nothing')
    await door.push()
    await door.push({ key: 'another-secret-0123456789' })
    expect(noted()).toEqual([])
  })
})
