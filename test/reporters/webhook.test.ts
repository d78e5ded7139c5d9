import type { LookupAddress } from 'node:dns'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import { providers } from '../../src/providers/index.ts'
import { reporters, type ReporterContext } from '../../src/reporters/index.ts'
import { isPublicAddress } from '../../src/reporters/public-address.ts'
import { createHttpsHost } from '../runner/git/https-host.ts'
import { answering, startRawSink, startSink } from './sink.ts'
import { contextOf, now, report, secret } from './telling.ts'

async function tell(url: string | Secret, change: Partial<ReporterContext> & { readonly allowPrivate?: boolean } = {}) {
  const { allowPrivate = true, ...rest } = change
  return reporters.webhook.tell(report, await contextOf({ url, secret, allow_private: allowPrivate }, rest))
}

function lookupThatAnswers(...addresses: readonly string[]) {
  const asked: string[] = []
  const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  const lookup = (name: string, _: object, answer: (error: null, found: LookupAddress[]) => void): void => {
    asked.push(name)
    answer(null, found)
  }
  return { asked, lookup: lookup as unknown as ReporterContext['lookup'] }
}

const failure = (problem: string, more: object = {}) => ({
  kind: 'failed',
  problem,
  retryAfterMs: null,
  isPermanent: false,
  ...more,
})

describe('a report by webhook', () => {
  it('is a POST of JSON that the provider standard believes', async () => {
    const sink = await startSink(answering(204))
    expect(await tell(sink.url)).toEqual({ kind: 'told' })

    const [{ path, headers, body } = { path: '', headers: {}, body: Buffer.alloc(0) }] = sink.received
    expect([path, headers['content-type'], headers['webhook-id']]).toEqual([
      '/hooks',
      'application/json',
      'a1b2-3-1764000000123',
    ])
    expect(JSON.parse(body.toString())).toMatchObject({ kind: 'failed', message: report.message, url: report.url })
    const delivery = { webhook: 'x', headers, body, receivedAt: now, remoteAddress: '::1' } as const
    const verify = (options: { readonly body: Buffer }) =>
      providers.standard.verify({ ...delivery, ...options }, { secrets: [secret], options: {} })
    expect(verify({ body })).toMatchObject({ providerId: 'a1b2-3-1764000000123' })
    expect(verify({ body: Buffer.concat([body, Buffer.from(' ')]) })).toEqual({ refused: 'bad_signature' })
  })

  it.each([
    ['500', answering(500), failure('answered 500')],
    ['404', answering(404), failure('answered 404')],
    [
      '429 and when to come back',
      answering(429, { 'retry-after': '3600' }),
      failure('answered 429', { retryAfterMs: 3_600_000 }),
    ],
    [
      '503 and a date',
      answering(503, { 'retry-after': 'Sun, 01 Mar 2026 12:01:00 GMT' }),
      failure('answered 503', { retryAfterMs: 30_000 }),
    ],
    ['410', answering(410), failure('answered 410: it wants no more reports', { isPermanent: true })],
    [
      'a redirect',
      answering(302, { location: 'http://169.254.169.254/latest/meta-data/' }),
      failure('answered 302: a redirect is not followed, give the URL that it leads to'),
    ],
  ])('that is answered %s says so, and nothing else that the receiver said', async (_, answer, expected) => {
    const sink = await startSink(answer)
    expect(await tell(sink.url)).toEqual({ ...expected, problem: `127.0.0.1:${sink.port} ${expected.problem}` })
    expect(sink.received).toHaveLength(1)
  })

  it('that is never answered, or by one byte now and then, is given up in time', async () => {
    const silent = await startRawSink(() => undefined)
    const slow = await startRawSink((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nX-Slow: ')
      const talk = setInterval(() => socket.write('x'), 20)
      socket.on('close', () => {
        clearInterval(talk)
      })
    })
    for (const { url } of [silent, slow]) {
      const told = await tell(url, { timeoutMs: 100 })
      expect(told).toMatchObject({ problem: expect.stringMatching(/gave no answer within 0\.1 s$/) as string })
    }
  })

  it.each(['identity', 'gzip'])(
    'is told although the answer (%s) has no end; 64 KiB of it are read',
    async (encoding) => {
      let closed = Promise.resolve()
      const sink = await startSink((response) => {
        response.writeHead(200, { 'content-encoding': encoding })
        const chunk = Buffer.alloc(65_536, 'x')
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
          if (!response.destroyed) response.once('drain', more)
        }
        closed = new Promise((resolve) => response.once('close', resolve))
        more()
      })
      expect(await tell(sink.url)).toEqual({ kind: 'told' })
      await closed
    },
  )

  it('that is answered with endless headers is given up', async () => {
    const { url } = await startRawSink((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      const more = (): void => {
        while (!socket.destroyed && socket.write(`X-Long: ${'x'.repeat(4_000)}\r\n`));
        if (!socket.destroyed) socket.once('drain', more)
      }
      more()
    })
    expect(await tell(url)).toMatchObject({ problem: expect.stringContaining('more than 16 KiB of headers') as string })
  })

  it('is not sent over TLS that nobody vouches for', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'deployhook-tls-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    const { origin } = await createHttpsHost({ dir, root: dir })
    expect(await tell(origin)).toMatchObject({
      problem: expect.stringContaining('has no TLS certificate that is trusted') as string,
    })
  })

  it('that nobody receives says so', async () => {
    expect(await tell('http://127.0.0.1:1/')).toEqual(
      failure('127.0.0.1:1 refuses connections: nothing listens there (yet)'),
    )
  })

  it('carries the user and password of its URL as they should be, and tells them to nobody else', async () => {
    const sink = await startSink(answering(500))
    const url = new Secret(sink.url.replace('//', '//al%20ice:hunter2@') + '?key=hidden')
    const told = await tell(url)
    expect(sink.received[0]?.headers.authorization).toBe(`Basic ${Buffer.from('al ice:hunter2').toString('base64')}`)
    expect(sink.received[0]?.path).toBe('/hooks?key=hidden')
    expect(told).toEqual(failure(`127.0.0.1:${sink.port} answered 500`))
  })

  it('ends with the daemon', async () => {
    const stop = new AbortController()
    const sink = await startSink(() => {
      stop.abort()
    })
    expect(await tell(sink.url, { signal: stop.signal })).toMatchObject({ kind: 'failed' })
  })
})

describe('a report by webhook without allow_private', () => {
  it.each([
    ['127.0.0.1'],
    ['10.1.2.3'],
    ['169.254.169.254'],
    ['::1'],
    ['fe80::1'],
    ['fd00::1'],
    ['::ffff:127.0.0.1'],
    ['64:ff9b::7f00:1'],
    ['93.184.216.34', '127.0.0.1'],
  ])('is not sent to a name that leads to %s %s', async (...addresses) => {
    const sink = await startSink(answering(200))
    const { lookup, asked } = lookupThatAnswers(...addresses)
    const told = await tell(`http://hooks.example.com:${sink.port}/`, { lookup, allowPrivate: false })
    expect(told).toEqual(
      failure(
        `hooks.example.com:${sink.port} is on this machine or its network: if that is meant, add allow_private: true`,
      ),
    )
    expect([asked, sink.received]).toEqual([['hooks.example.com'], []])
  })

  it.each(['127.0.0.1', '2130706433', '0177.0.0.1', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', '0'])(
    'is not sent to the address %s',
    async (host) => {
      const sink = await startSink(answering(200))
      const told = await tell(`http://${host}:${sink.port}/`, { allowPrivate: false })
      expect(told).toMatchObject({ problem: expect.stringContaining('on this machine or its network') as string })
      expect(sink.received).toEqual([])
    },
  )

  it('connects to the very address that was looked at: the name is asked for once', async () => {
    const sink = await startSink(answering(200))
    const { lookup, asked } = lookupThatAnswers('127.0.0.1')
    expect(await tell(`http://hooks.example.com:${sink.port}/`, { lookup })).toEqual({ kind: 'told' })
    expect(asked).toEqual(['hooks.example.com'])
  })

  it.each([
    ['8.8.8.8', true],
    ['172.15.255.255', true],
    ['172.16.0.1', false],
    ['100.64.0.1', false],
    ['192.168.1.1', false],
    ['255.255.255.255', false],
    ['2606:4700::1111', true],
    ['2002:7f00:1::', false],
    ['2001:db8::1', false],
    ['::', false],
    ['no address', false],
  ])('takes %s for public: %s', (address, expected) => {
    expect(isPublicAddress(address)).toBe(expected)
  })
})
