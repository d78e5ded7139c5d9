import { lstat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { Agent, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openHttp, SocketTaken } from '../../src/http/index.ts'
import { dial, openDoor, pushText, tokens, type Door } from './door.ts'

const anyPort = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

/** A second daemon's listeners, over the parts of the first. */
async function second({ deps }: Door) {
  const http = await openHttp(deps)
  onTestFinished(() => http.close())
  return http
}

async function modeOf(path: string): Promise<string> {
  return ((await lstat(path)).mode & 0o777).toString(8)
}

describe('the control socket', () => {
  it('may be opened by its owner and group alone, and is gone when the daemon is', async () => {
    const door = await openDoor()
    expect(await modeOf(door.socket)).toBe('660')
    await door.close()
    await expect(lstat(door.socket)).rejects.toThrow('ENOENT')
  })

  it('that a killed daemon left behind is replaced', async () => {
    const door = await openDoor()
    const path = join(door.directory, 'stale.sock')
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    await execa(process.execPath, ['-e', script], { reject: false })
    expect((await lstat(path)).isSocket()).toBe(true)
    const http = await second(door)
    await http.listen({ public: anyPort, socket: path })
    const dispatcher = new Agent({ connect: { socketPath: path } })
    onTestFinished(() => dispatcher.close())
    expect((await request('http://localhost/healthz', { dispatcher })).statusCode).toBe(200)
  })

  it('on which somebody answers is not taken away from them', async () => {
    const door = await openDoor()
    const http = await second(door)
    await expect(http.listen({ public: anyPort, socket: door.socket })).rejects.toThrow(SocketTaken)
    expect((await door.control('/healthz')).status).toBe(200)
  })

  it('never replaces what is not a socket', async () => {
    const door = await openDoor()
    const file = join(door.directory, 'precious')
    await writeFile(file, 'precious')
    await symlink(file, join(door.directory, 'link'))
    for (const name of ['precious', 'link']) {
      const http = await second(door)
      await expect(http.listen({ public: anyPort, socket: join(door.directory, name) })).rejects.toThrow(
        /is not a socket/,
      )
    }
    expect((await lstat(file)).isFile()).toBe(true)
  })
})

describe('the public listener', () => {
  it('says where it is, also when any port would do', async () => {
    const door = await openDoor()
    expect(door.address).toBe(`http://127.0.0.1:${door.port}`)
    expect(door.port).toBeGreaterThan(0)
  })

  it('may be on IPv6', async () => {
    const door = await openDoor({ listen: { kind: 'tcp', host: '::1', port: 0 } })
    expect(door.address).toBe(`http://[::1]:${door.port}`)
    expect((await door.api('/api/status')).status).toBe(200)
  })

  it('may be a socket that a proxy of another user opens; it asks for tokens all the same', async () => {
    const door = await openDoor()
    const path = join(door.directory, 'public.sock')
    const http = await second(door)
    expect(await http.listen({ public: { kind: 'unix', path }, socket: join(door.directory, 'other.sock') })).toEqual({
      address: `unix:${path}`,
      port: null,
    })
    expect(await modeOf(path)).toBe('666')
    const dispatcher = new Agent({ connect: { socketPath: path } })
    onTestFinished(() => dispatcher.close())
    expect((await request('http://localhost/api/status', { dispatcher })).statusCode).toBe(401)
    const headers = { authorization: `Bearer ${tokens.read}` }
    expect((await request('http://localhost/api/status', { dispatcher, headers })).statusCode).toBe(200)
    expect(
      (await request('http://localhost/hooks/github', { dispatcher, method: 'POST', body: '{}' })).statusCode,
    ).toBe(401)
    expect(door.logged.find(({ message }) => message === 'delivery refused')?.fields).toMatchObject({
      remoteAddress: 'unix',
    })
  })

  it('as a socket believes its proxy about addresses when there is one to trust', async () => {
    const door = await openDoor({ server: { trustProxy: ['127.0.0.1'] } })
    const path = join(door.directory, 'public.sock')
    await (await second(door)).listen({ public: { kind: 'unix', path }, socket: join(door.directory, 'other.sock') })
    const dispatcher = new Agent({ connect: { socketPath: path } })
    onTestFinished(() => dispatcher.close())
    for (const [forwarded, address] of [
      ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
      ['nonsense', 'unix'],
    ]) {
      door.logged.length = 0
      await request('http://x/hooks/github', {
        dispatcher,
        method: 'POST',
        body: '{}',
        headers: { 'x-forwarded-for': forwarded ?? '' },
      })
      expect(door.logged.find(({ message }) => message === 'delivery refused')?.fields).toMatchObject({
        remoteAddress: address,
      })
    }
  })

  it('whose port is taken fails, and leaves no control socket behind', async () => {
    const door = await openDoor()
    const socket = join(door.directory, 'other.sock')
    const http = await second(door)
    await expect(http.listen({ public: { ...anyPort, port: door.port }, socket })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    await expect(lstat(socket)).rejects.toThrow('ENOENT')
  })
})

describe('closing', () => {
  it('lets a delivery under way be answered first', async () => {
    const reached = Promise.withResolvers<undefined>()
    const go = Promise.withResolvers<undefined>()
    const door = await openDoor({
      wrapIngest: (ingest) => ({
        ...ingest,
        async receive(delivery, webhook) {
          reached.resolve(undefined)
          await go.promise
          return ingest.receive(delivery, webhook)
        },
      }),
    })
    const answer = door.push()
    await reached.promise
    const closed = door.close()
    go.resolve(undefined)
    expect((await answer).status).toBe(202)
    await closed
  })

  it('does not wait for connections on which nothing happens, and cuts what takes longer than the grace', async () => {
    const door = await openDoor({ limits: { closeGraceMs: 300 } })
    const idle = await dial(door)
    idle.say('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await idle.until(/alive/)
    const silent = await dial(door)
    const half = await dial(door)
    half.say(pushText().slice(0, -10))
    await door.api('/healthz')
    await door.close()
    await Promise.all([idle.ended(), silent.ended(), half.ended()])
    await door.close()
  })

  it('frees its port at once', async () => {
    const door = await openDoor()
    await door.close()
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(door.port, '127.0.0.1', resolve)
    })
    await new Promise((resolve) => server.close(resolve))
  })
})
