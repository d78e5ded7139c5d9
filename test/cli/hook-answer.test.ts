import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hookUrl, sendDelivery, type HookAnswer } from '../../src/cli/hook-answer.ts'

const sample = {
  app: 'blog',
  ref: 'refs/heads/main',
  headers: { 'x-proof': 'p' },
  body: Buffer.from('{"ref":"x"}').toString('base64'),
}

/** What is made of the answer of a server that answers like this. */
async function answerOf(listener: RequestListener): Promise<HookAnswer> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return sendDelivery(hookUrl(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'github'), sample)
}

function saying(status: number, body: unknown, headers: Record<string, string> = {}): RequestListener {
  return (_, response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

describe('where a test push goes', () => {
  it.each([
    ['https://deploy.example.com', 'https://deploy.example.com/hooks/github'],
    ['https://deploy.example.com/', 'https://deploy.example.com/hooks/github'],
    ['https://example.com/deploy/', 'https://example.com/deploy/hooks/github'],
    ['https://example.com/hooks/other', 'https://example.com/hooks/other'],
    ['http://[::1]:9000', 'http://[::1]:9000/hooks/github'],
  ])('%s', (base, url) => {
    expect(hookUrl(base, 'github')).toMatchObject({ url, socketPath: null })
  })

  it('may be the unix socket that the daemon listens on', () => {
    expect(hookUrl('unix:/run/hooks.sock', 'github')).toMatchObject({ socketPath: '/run/hooks.sock' })
  })

  it.each(['deploy.example.com', 'ftp://example.com', ''])('is not %j', (base) => {
    expect(() => hookUrl(base, 'github')).toThrow('write it like https://deploy.example.com')
  })
})

describe('what comes back of a test push', () => {
  it('is a deployment, when body and headers arrived as they were sent', async () => {
    const got: unknown[] = []
    const answer = await answerOf((request, response) => {
      request.on('data', (chunk: Buffer) =>
        got.push(request.method, request.url, request.headers['x-proof'], String(chunk)),
      )
      request.on('end', () => {
        saying(202, { result: 'accepted', delivery: 7, deployments: [{ id: 12, app: 'blog' }] })(request, response)
      })
    })
    expect(got).toEqual(['POST', '/hooks/github', 'p', '{"ref":"x"}'])
    expect(answer).toMatchObject({ isGood: true, status: 202 })
    expect(answer.lines).toEqual([
      '202 accepted as delivery 7: the way is open',
      'deployment 12 of blog is queued: deployhook logs -f 12',
    ])
  })

  it.each([
    ['ignored', 200, { result: 'ignored', reason: 'branch', delivery: 7 }, /ignored \(branch\).*wants no deployment/],
    ['refused', 401, { result: 'refused' }, /refused: the signature does not fit/],
    [
      'another error of ours',
      404,
      { error: { code: 'not_found', message: 'There is nothing here.' } },
      /404 not_found/,
    ],
  ])('is told when it is %s', async (_, status, body, line) => {
    const answer = await answerOf(saying(status, body))
    expect(answer.isGood).toBe(false)
    expect(answer.lines[0]).toMatch(line)
  })

  it.each([
    ['a redirect', 301, { location: 'https://elsewhere/' }, /it redirects.*: https:\/\/elsewhere\//],
    ['a page of nginx', 404, { server: 'nginx' }, /the proxy does not pass \/hooks\/ on/],
    ['a limit of the proxy', 413, {}, /client_max_body_size 26m/],
    ['a proxy that reaches nobody', 502, {}, /does not reach deployhook/],
    ['some page that is fine in itself', 200, {}, /another program answers/],
  ])('is told not to be ours: %s', async (_, status, headers, line) => {
    const answer = await answerOf(saying(status, '<html>', headers))
    expect(answer.isGood).toBe(false)
    expect(answer.lines.join('\n')).toMatch(/the answer is not deployhook’s/)
    expect(answer.lines.join('\n')).toMatch(line)
  })

  it('may be nothing at all', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const answer = await sendDelivery(hookUrl(`http://127.0.0.1:${port}`, 'github'), sample)
    expect(answer).toMatchObject({ status: null, isGood: false })
    expect(answer.lines).toEqual(['nothing came back: ECONNREFUSED', 'nothing listens at this address and port'])
  })
})
