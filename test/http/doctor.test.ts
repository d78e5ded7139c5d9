import { describe, expect, it } from 'vitest'
import { openDoor } from './door.ts'

const finding = { check: 'disk', level: 'ok', where: 'disk', what: 'has room', cure: null } as const

describe('POST /api/doctor', () => {
  it('examines, with the addresses that it is told', async () => {
    const asked: object[] = []
    const door = await openDoor({
      doctor: (urls) => {
        asked.push(Object.fromEntries(urls))
        return Promise.resolve([finding])
      },
    })
    const urls = { blog: 'https://blog.example.com' }
    const ask = (body: string) => door.control('/api/doctor', { method: 'POST', body })
    expect(await ask(JSON.stringify({ urls }))).toMatchObject({ status: 200, body: { findings: [finding] } })
    expect(await ask('{}')).toMatchObject({ status: 200 })
    expect(asked).toEqual([urls, {}])
  })

  it.each([
    '{"urls": {"blog": "file:///etc/passwd"}}',
    '{"urls": {"blog": "blog.example.com"}}',
    '{"urls": {"../x": "https://blog.example.com"}}',
    '{"urls": ["https://blog.example.com"]}',
    '{"url": {}}',
    'nonsense',
  ])('refuses %s', async (body) => {
    const door = await openDoor({ doctor: () => Promise.reject(new Error('not expected')) })
    expect(await door.control('/api/doctor', { method: 'POST', body })).toMatchObject({ status: 400 })
  })

  it('is for the control socket alone', async () => {
    const door = await openDoor({ doctor: () => Promise.reject(new Error('not expected')) })
    expect(await door.api('/api/doctor', { method: 'POST', body: '{}' })).toMatchObject({ status: 403 })
  })

  it('is done one at a time, also after one that failed', async () => {
    const { promise, resolve } = Promise.withResolvers<readonly (typeof finding)[]>()
    const begun = Promise.withResolvers<undefined>()
    const answers = [
      () => {
        begun.resolve(undefined)
        return promise
      },
      () => Promise.reject(new Error('broken')),
      () => Promise.resolve([finding]),
    ]
    const door = await openDoor({ doctor: () => answers.shift()?.() ?? Promise.resolve([]) })
    const ask = () => door.control('/api/doctor', { method: 'POST', body: '{}' })
    const first = ask()
    await begun.promise
    expect(await ask()).toMatchObject({ status: 409 })
    resolve([])
    expect((await first).status).toBe(200)
    expect((await ask()).status).toBe(500)
    expect((await ask()).status).toBe(200)
  })
})
