import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import { providers } from '../../src/providers/index.ts'
import { until } from '../support/until.ts'
import { connections, dial, openDoor, pushText, secret, type Door, type Line } from './door.ts'

const MiB = 1024 * 1024

/** A body of exactly `length` bytes that is a GitHub push once read as JSON, with its signature. */
function bigPush(length: number): { readonly head: string; readonly body: Buffer } {
  const json = JSON.stringify({
    ref: 'refs/heads/main',
    before: 'b'.repeat(40),
    after: 'a'.repeat(40),
    repository: {
      full_name: 'acme/blog',
      html_url: 'https://github.com/acme/blog',
      clone_url: 'https://github.com/acme/blog.git',
    },
    commits: [],
    head_commit: null,
    pusher: { name: 'ada' },
  })
  const body = Buffer.alloc(length, ' ')
  body.write(json)
  const { headers } = providers.github.sign(
    { event: 'push', id: `big-${length}`, body, at: new Date() },
    { secret: new Secret(secret), options: {} },
  )
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return { head: `POST /hooks/github HTTP/1.1\r\nHost: x\r\n${lines.join('')}`, body }
}

async function answerTo(door: Door, text: string | Buffer): Promise<string> {
  const line = await dial(door)
  line.say(text)
  return line.ended()
}

describe('the size of a delivery', () => {
  it('may be 25 MiB, and exactly 26', async () => {
    const door = await openDoor()
    for (const length of [25 * MiB, 26 * MiB]) {
      const { head, body } = bigPush(length)
      const line = await dial(door)
      line.say(`${head}Content-Length: ${length}\r\n\r\n`)
      line.say(body)
      expect(await line.until(/\r\n\r\n\{.*\}/)).toMatch(/^HTTP\/1\.1 20[02] /)
    }
  })

  it('one byte over 26 MiB is 413 before a byte of the body is sent', async () => {
    const door = await openDoor({ limits: { lingerMs: 100 } })
    for (const length of [26 * MiB + 1, 999_999_999]) {
      const answer = await answerTo(door, `${bigPush(10_000).head}Content-Length: ${length}\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 413 /)
      expect(answer).toContain('{"error":{"code":"too_large","message":"The body is too large."}}')
    }
  })

  it('is cut at the limit when it comes in chunks without end, and little memory was taken', async () => {
    const door = await openDoor()
    const line = await dial(door)
    line.say(`${bigPush(10_000).head}Transfer-Encoding: chunked\r\n\r\n`)
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(MiB, ' '), Buffer.from('\r\n')])
    const before = process.memoryUsage.rss()
    for (let sent = 0; sent < 1000 && line.heard() === ''; sent++) {
      await new Promise((resolve) => line.socket.write(chunk, resolve))
    }
    expect(await line.ended()).toMatch(/^HTTP\/1\.1 413 /)
    expect(line.socket.bytesWritten).toBeLessThan(64 * MiB)
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MiB)
  })

  it('when large makes further large ones wait, while small ones pass', async () => {
    const door = await openDoor({ limits: { largeBodies: 1, largeBytes: 100_000 } })
    const { head, body } = bigPush(200_000)
    const first = await dial(door)
    first.say(`${head}Content-Length: ${body.length}\r\n\r\n`)
    first.say(body.subarray(0, 1000))
    await until('the first to hold the slot', () => first.socket.bytesWritten > 1000)
    expect((await door.push({ id: 'small' })).status).toBe(202)

    const second = await dial(door)
    second.say(`${head}Content-Length: ${body.length}\r\n\r\n`)
    second.say(body)
    expect((await door.push({ id: 'small too' })).status).toBe(202)
    expect(second.heard()).toBe('')
    first.say(body.subarray(1000))
    expect(await first.until(/\r\n\r\n\{/)).toMatch(/^HTTP\/1\.1 20[02] /)
    first.socket.destroy()
    expect(await second.until(/\r\n\r\n\{/)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('does not matter to a waiting sender whose forerunner breaks off', async () => {
    const door = await openDoor({ limits: { largeBodies: 1, largeBytes: 100_000 } })
    const { head, body } = bigPush(200_000)
    const lines: Line[] = []
    for (let sender = 0; sender < 3; sender++) {
      const line = await dial(door)
      line.say(`${head}Content-Length: ${body.length}\r\n\r\n`)
      if (sender === 2) line.say(body)
      await door.api('/healthz')
      lines.push(line)
    }
    lines[1]?.socket.destroy()
    await door.api('/healthz')
    lines[0]?.socket.destroy()
    expect(await lines[2]?.until(/\r\n\r\n\{/)).toMatch(/^HTTP\/1\.1 202 /)
  })
})

describe('a slow sender', () => {
  const limits = { requestMs: 600, headersMs: 300, checkMs: 50, silenceMs: 1500 }

  it('that stops in the middle of the body is answered 408 and closed', async () => {
    const door = await openDoor({ limits })
    const answer = await answerTo(door, pushText().slice(0, -10))
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toContain('{"error":{"code":"timeout"')
  })

  it('that never finishes its headers is answered 408 and closed', async () => {
    const door = await openDoor({ limits })
    expect(await answerTo(door, 'POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('that sends nothing at all is closed', async () => {
    const door = await openDoor({ limits })
    const line = await dial(door)
    await line.ended()
  })

  it('with 500 of its kind delays nobody', async () => {
    const door = await openDoor({ limits: { ...limits, headersMs: 30_000, requestMs: 30_000, silenceMs: 60_000 } })
    const lines = await Promise.all(Array.from({ length: 500 }, () => dial(door)))
    for (const line of lines) line.say('POST /hooks/github HTTP/1.1\r\nX-Slow: 1')
    expect((await door.push()).status).toBe(202)
    for (const line of lines) line.socket.destroy()
  })
})

describe('a request that contradicts itself', () => {
  const hook = 'POST /hooks/github HTTP/1.1\r\n'

  it.each([
    [
      'two different lengths',
      `${hook}Host: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a length and chunks',
      `${hook}Host: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    ['a negative length', `${hook}Host: x\r\nContent-Length: -1\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['a length that is no number', `${hook}Host: x\r\nContent-Length: 1e9\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [
      'a chunk whose size is no number',
      `${hook}Host: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    ['a NUL in a header', `${hook}Host: x\r\nX-A: a\0b\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['a header of 20 KB', `${hook}Host: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['no Host', `${hook}Content-Length: 0\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [
      'an expectation that nobody knows',
      `${hook}Host: x\r\nExpect: foo\r\nContent-Length: 3\r\n\r\n`,
      /^HTTP\/1\.1 417 /,
    ],
    [
      'an expectation at a path that is not there',
      `GET /x HTTP/1.1\r\nHost: x\r\nExpect: foo\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 404 /,
    ],
    [
      'an absolute target',
      `POST http://elsewhere/hooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'an absolute target of the API',
      `GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    ['a star for a target', `OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [
      'dots in its path',
      `POST /api/../hooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 404 /,
    ],
    [
      'a method that nobody knows',
      `FOO /hooks/github HTTP/1.1\r\nHost: x\r\n\r\n`,
      /^HTTP\/1\.1 405 [^]*\r\nallow: POST\r\n/i,
    ],
    [
      'a method of WebDAV',
      `PROPFIND /hooks/github HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 405 [^]*\r\nallow: POST\r\n/i,
    ],
    ['a method that nobody knows, elsewhere', `FOO /api/status HTTP/1.1\r\nHost: x\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['a TLS greeting', Buffer.from('16030100c8010000c40303', 'hex'), /^HTTP\/1\.1 400 /],
    ['noise', Buffer.from([0, 1, 2, 3, 255]), /^HTTP\/1\.1 400 /],
  ])('is refused, closed, and told nothing: %s', async (_, text, expected) => {
    const door = await openDoor()
    const answer = await answerTo(door, text)
    expect(answer).toMatch(expected)
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(answer).toMatch(/\r\n\r\n\{"error":\{"code":"[a-z_]+","message":"[^"]+"\}\}$/)
    expect(answer).not.toMatch(/HPE|FST|parse|llhttp/i)
    expect(await door.store.deliveries({ limit: 1 })).toEqual([])
    expect((await door.push()).status).toBe(202)
  })

  it('does not get its refusal into the middle of another answer', async () => {
    const door = await openDoor()
    const { id } = await door.store.enqueue({
      app: 'blog',
      trigger: 'manual',
      ref: 'refs/heads/main',
      requestedRevision: null,
      adopt: false,
      at: new Date(),
    })
    const line = await dial(door)
    line.say(
      `GET /api/deployments/${id}/log?follow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-that-operates-1234\r\n\r\n`,
    )
    await line.until(/event: state/)
    line.say('\x16\x03\x01 noise\r\n\r\n')
    expect(await line.ended()).not.toContain('HTTP/1.1 400')
  })
})

describe('Expect: 100-continue', () => {
  it('is granted to a webhook, and the body then judged', async () => {
    const door = await openDoor()
    const line = await dial(door)
    const [head = '', body = ''] = pushText({ headers: 'Expect: 100-continue\r\n' }).split('\r\n\r\n')
    line.say(`${head}\r\n\r\n`)
    await line.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
    line.say(body)
    expect(await line.until(/\r\n\r\n\{/)).toMatch(/\r\nHTTP\/1\.1 202 /)
  })

  it.each([
    ['404 for no webhook', '/hooks/other', '', 404],
    ['413 for too much', '/hooks/github', 'Content-Length: 999999999\r\n', 413],
    ['415 for an encoding', '/hooks/github', 'Content-Encoding: gzip\r\nContent-Length: 10\r\n', 415],
  ])('is not granted when the answer is known without the body: %s', async (_, path, headers, status) => {
    const door = await openDoor()
    const answer = await answerTo(door, `POST ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n${headers}\r\n`)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).not.toContain('100 Continue')
  })

  it('with a bad signature ends in 401 and no hang', async () => {
    const door = await openDoor()
    const line = await dial(door)
    line.say(
      'POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=00\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
    )
    await line.until(/100 Continue/)
    line.say('{}')
    expect(await line.until(/refused/)).toMatch(/\r\nHTTP\/1\.1 401 /)
  })
})

describe('a connection', () => {
  it('carries pipelined deliveries, each answered in its turn', async () => {
    const door = await openDoor()
    const line = await dial(door)
    const text = pushText()
    line.say(text + text + 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const statuses = [...(await line.ended()).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
    expect(statuses).toEqual(['202', '200', '200'])
  })

  it('that is reset once all was sent has its delivery kept all the same', async () => {
    const judged = Promise.withResolvers<undefined>()
    const go = Promise.withResolvers<undefined>()
    const door = await openDoor({
      wrapIngest: (ingest) => ({
        ...ingest,
        async receive(delivery, webhook) {
          judged.resolve(undefined)
          await go.promise
          return ingest.receive(delivery, webhook)
        },
      }),
    })
    const line = await dial(door)
    line.say(pushText())
    await judged.promise
    line.socket.resetAndDestroy()
    await until('the connection to be gone', async () => (await connections(door)) === 0)
    go.resolve(undefined)
    await until(
      'the delivery to be kept',
      async () => (await door.store.deliveries({ limit: 1 }))[0]?.result === 'accepted',
    )
  })

  it('is kept alive for 200 clients at once, and none is left when they go', async () => {
    const door = await openDoor()
    const lines = await Promise.all(Array.from({ length: 200 }, () => dial(door)))
    for (const line of lines) line.say('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await Promise.all(lines.map((line) => line.until(/alive/)))
    for (const line of lines) line.socket.resetAndDestroy()
    await until('all connections to be gone', async () => (await connections(door)) === 0)
  })
})
