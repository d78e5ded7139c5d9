import { describe, expect, it } from 'vitest'
import { freePort, onPort } from '../../../src/runner/health/index.ts'
import { check, httpCheck, openAsk, startHttp, startRaw } from './asking.ts'

const host = '127.0.0.1'

describe('a tcp check', () => {
  it('passes when the connection is taken, and closes it without a word', async () => {
    const chunks: Buffer[] = []
    const app = await startRaw((socket) => socket.on('data', (chunk) => chunks.push(chunk)))
    expect(await openAsk().try(check({ kind: 'tcp', host, port: app.port }))).toEqual({ kind: 'well' })
    await app.closed()
    expect(chunks).toEqual([])
  })

  it('fails when nothing listens', async () => {
    expect(await openAsk().try(check({ kind: 'tcp', host, port: await freePort() }))).toEqual({
      kind: 'sick',
      why: 'refuses connections: nothing listens there (yet)',
    })
  })

  it('fails when its time is up', async () => {
    // 192.0.2.0/24 is nobody's (RFC 5737): a name resolver or network that answers at once is as good.
    const answer = await openAsk().try(check({ kind: 'tcp', host: '192.0.2.1', port: 9 }, { timeoutMs: 50 }))
    expect(answer).toMatchObject({ kind: 'sick' })
  })

  it('has no port without a preview', async () => {
    expect(await openAsk().try(check({ kind: 'tcp', host, port: null }))).toEqual({
      kind: 'sick',
      why: 'has {port} for a port, which only a preview has',
    })
  })
})

describe('the port of a preview', () => {
  it('stands where the check says {port}', async () => {
    const app = await startHttp((response) => response.end())
    const port = Number(new URL(app.origin).port)
    const ask = openAsk()
    expect(await ask.try(onPort(httpCheck('http://127.0.0.1:{port}/health?of={port}'), port))).toEqual({ kind: 'well' })
    expect(app.requests[0]?.url).toBe(`/health?of=${port}`)
    expect(await ask.try(onPort(check({ kind: 'tcp', host, port: null }), port))).toEqual({ kind: 'well' })
  })

  it('leaves other checks as they are', () => {
    const tcp = check({ kind: 'tcp', host, port: 5432 })
    const unit = check({ kind: 'systemd_unit', unit: 'api.service' })
    expect([onPort(tcp, 1), onPort(unit, 1)]).toEqual([tcp, unit])
  })
})
