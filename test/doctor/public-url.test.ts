import { execa } from 'execa'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createAsk } from '../../src/doctor/ask.ts'
import type { Patient } from '../../src/doctor/patient.ts'
import { checkPublicUrl } from '../../src/doctor/public-url.ts'
import { Secret } from '../../src/lib/secret.ts'
import { openDoor, secret } from '../http/door.ts'
import { createMap } from '../support/map.ts'
import { aDaemon, createPatient, privateDirectory } from './patient.ts'
import { openSite } from './site.ts'

const refused = JSON.stringify({ result: 'refused' })

function mapAt(publicUrl: string | null) {
  const map = createMap([], [{ name: 'github', provider: 'github', secrets: [new Secret(secret)], options: {} }])
  return { ...map, server: { ...map.server, publicUrl } }
}

const lookAt = (publicUrl: string | null, change: Partial<Patient> = {}) =>
  checkPublicUrl(createPatient({ map: mapAt(publicUrl), ...change }))

/** What is told when this answers at the public URL. */
async function lookAtAnswer(
  status: number,
  { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string } = {},
) {
  const site = await openSite((_path, response) => {
    response.writeHead(status, headers).end(body)
  })
  const [found] = await lookAt(site.url)
  return { found, site }
}

describe('the public URL', () => {
  it('is well when this very daemon refuses what is not signed', async () => {
    const door = await openDoor()
    const { refusals } = door.deps
    const found = await lookAt(door.address, { daemon: aDaemon({ refusals: (name) => refusals.count(name) }) })
    expect(found).toEqual([
      {
        level: 'ok',
        where: `${door.address}/hooks/github`,
        what: 'is reached from here, and refuses what is not signed',
        cure: null,
      },
    ])
    expect(await door.store.deliveries({ limit: 10 })).toEqual([])
  })

  it('is a problem when the deployhook that answers is another one', async () => {
    const door = await openDoor()
    expect(await lookAt(door.address)).toMatchObject([
      { level: 'problem', what: 'a deployhook answers, and it is not this one' },
    ])
  })

  it('is a problem when another deployhook knows no such webhook', async () => {
    const door = await openDoor()
    door.setMap((map) => ({ ...map, webhooks: new Map() }))
    expect(await lookAt(door.address)).toMatchObject([
      { level: 'problem', what: expect.stringContaining('no such webhook') as string },
    ])
  })

  it('is a warning when somebody answers although no daemon is there', async () => {
    const door = await openDoor()
    expect(await lookAt(door.address, { daemon: null })).toMatchObject([
      { level: 'warning', where: `${door.address}/hooks/github` },
    ])
  })

  it('is a warning when it is not set', async () => {
    expect(await lookAt(null)).toMatchObject([{ level: 'warning', where: 'server.public_url' }])
  })

  it('is asked once for each webhook, unsigned, by POST', async () => {
    const { site } = await lookAtAnswer(401, { body: refused })
    expect(site.asked).toMatchObject([{ method: 'POST', path: '/hooks/github' }])
    expect(Object.keys(site.asked[0]?.headers ?? {}).filter((name) => /signature|token|auth/.test(name))).toEqual([])
  })

  it.each([
    {
      status: 502,
      headers: { server: 'nginx' },
      says: "answers 502, which is not deployhook's answer but another's of nginx",
      cure: 'the proxy does not reach deployhook',
    },
    { status: 404, headers: {}, says: 'answers 404', cure: 'the proxy does not pass /hooks/ on' },
    { status: 413, headers: {}, says: 'answers 413', cure: 'client_max_body_size' },
    { status: 401, headers: {}, says: 'answers 401', cure: 'the proxy wants a password' },
    { status: 200, headers: {}, says: 'answers 200', cure: 'another program answers' },
    {
      status: 301,
      headers: { location: 'https://deploy.example.com/hooks/github' },
      says: 'answers 301 to https://deploy.example.com/hooks/github',
      cure: 'no git host follows',
    },
  ])('is a problem when something else answers $status', async ({ status, headers, says, cure }) => {
    const { found } = await lookAtAnswer(status, { headers: { ...headers }, body: '<html>' })
    expect(found).toMatchObject({
      level: 'problem',
      what: expect.stringContaining(says) as string,
      cure: expect.stringContaining(cure) as string,
    })
  })

  it('is not believed for a JSON that only looks like an answer', async () => {
    for (const body of ['{"result":"ok"}', '{"error":"Unauthorized"}', 'null', '[]', '"refused"'])
      expect((await lookAtAnswer(401, { body })).found).toMatchObject({ level: 'problem' })
  })

  it('is a problem when nothing listens there', async () => {
    expect(await lookAt('http://127.0.0.1:1')).toMatchObject([
      {
        level: 'problem',
        what: 'refuses connections: nothing listens there (yet)',
        cure: expect.stringContaining('curl') as string,
      },
    ])
  })

  it('is given up when no answer comes', async () => {
    const site = await openSite(() => undefined)
    const [found] = await lookAt(site.url, { ask: createAsk({ env: {}, timeoutMs: 200 }) })
    expect(found).toMatchObject({ level: 'problem', what: 'gave no answer within 0.2 s' })
  })

  it('is a problem with a certificate that nobody trusts', async () => {
    expect(await lookAt((await openTlsSite(2)).url)).toMatchObject([
      { level: 'problem', what: expect.stringContaining('has no TLS certificate that is trusted') as string },
    ])
  })

  it('is a problem with a certificate that has expired', async () => {
    const { url, certificate } = await openTlsSite(-1)
    const before = getCACertificates('default')
    onTestFinished(() => {
      setDefaultCACertificates(before)
    })
    setDefaultCACertificates([...before, certificate])
    expect(await lookAt(url)).toMatchObject([{ level: 'problem', what: 'has a TLS certificate that has expired' }])
  })

  it('is asked through the proxy of the environment, unless it is excused, and the finding says so', async () => {
    const proxy = await openSite((_path, response) => {
      response.writeHead(502).end()
    })
    const url = 'http://deploy.invalid'
    const through = (env: Record<string, string>) => lookAt(url, { ask: createAsk({ env, timeoutMs: 5_000 }) })
    const [found] = await through({ http_proxy: proxy.url.replace('//', '//ada:secret@') })
    expect(found?.what).toContain(`asked through the proxy ${proxy.url} of the environment`)
    expect(found?.what).not.toContain('secret')
    const direct = await through({ http_proxy: proxy.url, NO_PROXY: 'example.org, .invalid' })
    expect(direct[0]?.what).not.toContain('proxy')
  })
})

async function openTlsSite(days: number): Promise<{ readonly url: string; readonly certificate: string }> {
  const directory = await privateDirectory()
  const [key, wish, file] = ['key', 'wish', 'certificate'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await execa('openssl', ['req', '-new', ...ec, '-keyout', key, '-out', wish, ...subject])
  const signing = ['-copy_extensions', 'copy', '-days', String(days)]
  await execa('openssl', ['x509', '-req', '-in', wish, '-signkey', key, ...signing, '-out', file])
  const certificate = await readFile(file, 'utf8')
  const server = createServer({ key: await readFile(key), cert: certificate }, (_request, response) => {
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, certificate }
}
