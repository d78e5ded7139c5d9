import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { execa } from 'execa'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Secret } from '../../../src/lib/secret.ts'
import { freePort } from '../../../src/runner/health/index.ts'
import { temporaryFolder } from '../running.ts'
import { httpCheck, openAsk, startHttp, startRaw, writeForEver, type HttpApp } from './asking.ts'

const well = { kind: 'well' }
const sick = (why: string) => ({ kind: 'sick', why })

function answering(status: number, { body = '', ...headers }: Readonly<Record<string, string>> = {}): Promise<HttpApp> {
  return startHttp((response) => response.writeHead(status, headers).end(body))
}

describe('an http check', () => {
  it.each([
    [200, 200, 299, well],
    [204, 204, 204, well],
    [399, 200, 399, well],
    [503, 200, 299, sick('answered 503 where 200-299 is wanted')],
    [200, 204, 204, sick('answered 200 where 204 is wanted')],
  ])('judges %i where %i-%i is wanted', async (status, from, to, answer) => {
    const app = await answering(status)
    expect(await openAsk().try(httpCheck(app.origin, { status: { from, to } }))).toEqual(answer)
  })

  it('asks for the URL as written, with its headers, over a connection that it closes', async () => {
    const app = await answering(200)
    const headers = new Map<string, string | Secret>([
      ['Host', 'blog.example.org'],
      ['Authorization', new Secret('Bearer s3cr3t')],
    ])
    expect(await openAsk().try(httpCheck(`${app.origin}/health?deep=1`, { headers }))).toEqual(well)
    expect(app.requests[0]).toMatchObject({
      method: 'GET',
      url: '/health?deep=1',
      headers: { host: 'blog.example.org', authorization: 'Bearer s3cr3t', connection: 'close' },
    })
    await app.closed()
  })

  it('never tells a header or the body', async () => {
    const app = await startHttp((response) => response.writeHead(500, { 'x-evil': '@everyone' }).end('<script>'))
    const ask = openAsk()
    const headers = (value: string) => new Map([['Authorization', new Secret(value)]])
    expect(await ask.try(httpCheck(app.origin, { headers: headers('s3cr3t') }))).toEqual(
      sick('answered 500 where 200-299 is wanted'),
    )
    expect(await ask.try(httpCheck(app.origin, { headers: headers('s3cr3t\n') }))).toEqual(
      sick('cannot be asked: one of its headers cannot be sent'),
    )
  })

  it('uses no proxy', async () => {
    const app = await answering(200)
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])
      vi.stubEnv(name, `http://127.0.0.1:${await freePort()}`)
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await openAsk().try(httpCheck(app.origin))).toEqual(well)
  })

  it('says that nothing listens', async () => {
    const answer = await openAsk().try(httpCheck(`http://127.0.0.1:${await freePort()}/`))
    expect(answer).toEqual(sick('refuses connections: nothing listens there (yet)'))
  })

  it('says that the connection was cut, and that HTTP is not spoken', async () => {
    const cut = await startRaw((socket) => socket.destroy())
    expect(await openAsk().try(httpCheck(cut.origin))).toEqual(sick('cut the connection'))
    const other = await startRaw((socket) => socket.end('220 mail.example.org ESMTP\r\n'))
    expect(await openAsk().try(httpCheck(other.origin))).toEqual(sick('does not speak HTTP'))
  })

  it('gives up on a hang when its time is up, and on endless headers before that', async () => {
    const hanging = await startHttp(() => undefined)
    expect(await openAsk().try(httpCheck(hanging.origin, { timeoutMs: 50 }))).toEqual(
      sick('gave no full answer within 50ms'),
    )
    await hanging.closed()
    const talking = await startRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      writeForEver(socket, 'X-More: and more\r\n'.repeat(100))
    })
    expect(await openAsk().try(httpCheck(talking.origin))).toEqual(sick('answered with more than 16 KiB of headers'))
    await talking.closed()
  })

  it('says what is wrong with TLS', async () => {
    const [trusted, plain] = [await startHttps(), await answering(200)]
    expect(await openAsk().try(httpCheck(trusted))).toEqual(
      sick(
        'has no TLS certificate that is trusted (DEPTH_ZERO_SELF_SIGNED_CERT): name its authority in NODE_EXTRA_CA_CERTS',
      ),
    )
    expect(await openAsk().try(httpCheck(plain.origin.replace('http:', 'https:')))).toEqual(
      sick('does not speak TLS: is it http?'),
    )
  })

  it('ends with its signal', async () => {
    const stop = new AbortController()
    const app = await startHttp(() => {
      stop.abort('cancelled')
    })
    await openAsk().try(httpCheck(app.origin), stop.signal)
    await app.closed()
  })
})

describe('an http check and the body', () => {
  const ok = (text: string) => startHttp((response) => response.end(text))
  const notHeld = sick('answered 200, but the first 64 KiB do not hold the text of `contains`')

  it.each([
    ['at the start', 'ready, sir', well],
    ['with its last byte at 64 KiB', `${'-'.repeat(65_531)}ready${'-'.repeat(99_999)}`, well],
    ['across 64 KiB', `${'-'.repeat(65_532)}ready`, notHeld],
    ['nowhere', 'not yet', notHeld],
  ])('looks for a text that is %s', async (_, body, answer) => {
    expect(await openAsk().try(httpCheck((await ok(body)).origin, { contains: 'ready' }))).toEqual(answer)
  })

  it('finds a text that comes in pieces', async () => {
    const app = await startHttp((response) => {
      response.write('… grün')
      setImmediate(() => setImmediate(() => response.write('es Licht')))
    })
    expect(await openAsk().try(httpCheck(app.origin, { contains: 'grünes' }))).toEqual(well)
    await app.closed()
  })

  it.each([
    ['looked through', 'ready', notHeld],
    ['not asked for', null, well],
  ])('cuts a body without an end that is %s', async (_, contains, answer) => {
    let written = 0
    const app = await startHttp((response) => {
      response.writeHead(200, { 'content-length': 10 * 2 ** 30 })
      const { socket } = response
      const write = response.write.bind(response) as (chunk: string) => boolean
      const counting = {
        get destroyed() {
          return socket?.destroyed ?? true
        },
        once: response.once.bind(response),
        write: (chunk: string) => {
          written += chunk.length
          return write(chunk)
        },
      }
      writeForEver(counting as never, '-'.repeat(16_384))
    })
    expect(await openAsk().try(httpCheck(app.origin, { contains }))).toEqual(answer)
    await app.closed()
    // What the buffers between the two hold, not what it has to say.
    expect(written).toBeLessThan(64 * 2 ** 20)
  })

  it.each([
    ['sick when a text is wanted', 'ready', sick('gave no full answer within 300ms')],
    ['well when its status is enough', null, well],
  ])('calls what drips for ever %s', async (_, contains, answer) => {
    const app = await startHttp((response) => {
      const drip = setInterval(() => response.write('.'), 20)
      response.once('close', () => {
        clearInterval(drip)
      })
    })
    expect(
      await openAsk().try(httpCheck(app.origin, { contains, timeoutMs: contains === null ? 20_000 : 300 })),
    ).toEqual(answer)
    await app.closed()
  })
})

describe('an http check and redirects', () => {
  const redirecting = (location: string) => answering(302, { location })
  const followRedirects = true

  it('does not follow one unless told, and may want it', async () => {
    const app = await redirecting('/login')
    const ask = openAsk()
    expect(await ask.try(httpCheck(app.origin))).toEqual(
      sick('answered 302 where 200-299 is wanted: it redirects, which follow_redirects: true would follow'),
    )
    expect(await ask.try(httpCheck(app.origin, { status: { from: 302, to: 302 } }))).toEqual(well)
    expect(app.requests).toHaveLength(2)
  })

  it('judges where it leads to, and takes its headers along within the origin alone', async () => {
    const target = await answering(200, { body: 'ready' })
    const app = await startHttp((response, { url }) =>
      response.writeHead(307, { location: url === '/' ? '/next' : target.origin }).end(),
    )
    const headers = new Map([['X-Token', new Secret('s3cr3t')]])
    const answer = await openAsk().try(httpCheck(app.origin, { followRedirects, headers, contains: 'ready' }))
    expect(answer).toEqual(well)
    expect(app.requests.map(({ headers }) => headers['x-token'])).toEqual(['s3cr3t', 's3cr3t'])
    expect(target.requests.map(({ headers }) => headers['x-token'])).toEqual([undefined])
    await Promise.all([app.closed(), target.closed()])
  })

  it('gives up on a loop', async () => {
    const app = await redirecting('/again')
    expect(await openAsk().try(httpCheck(app.origin, { followRedirects }))).toEqual(sick('redirects more than 5 times'))
    expect(app.requests).toHaveLength(6)
  })

  it.each(['https://127.0.0.1:1/', 'file:///etc/passwd', 'ftp://example.org/'])(
    'never goes to %s',
    async (location) => {
      const app = await redirecting(location)
      expect(await openAsk().try(httpCheck(app.origin, { followRedirects }))).toEqual(
        sick('redirects to another protocol, which is never followed: give the URL that it leads to'),
      )
    },
  )

  it('says that it leads nowhere', async () => {
    const app = await redirecting('http://[nowhere')
    expect(await openAsk().try(httpCheck(app.origin, { followRedirects }))).toEqual(sick('redirects to what is no URL'))
  })
})

async function startHttps(): Promise<string> {
  const folder = temporaryFolder()
  const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')]
  const made = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1'
  await execa('openssl', ['req', ...made.split(' '), '-keyout', key, '-out', certificate])
  const server = createServer({ key: await readFile(key), cert: await readFile(certificate) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
