import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import { byRepository } from '../../src/model/deploy-map.ts'
import { createApp } from '../support/map.ts'
import { openDoor, secret, tokens, type Door } from './door.ts'

function setSecrets(door: Door, ...texts: readonly string[]): void {
  door.setMap((map) => ({
    ...map,
    webhooks: new Map([
      ['github', { name: 'github', provider: 'github', secrets: texts.map((text) => new Secret(text)), options: {} }],
    ]),
  }))
}

describe('GET /api/webhooks', () => {
  it('tells of each webhook its address, its last delivery, its refusals and the last use of its secrets', async () => {
    const door = await openDoor({ server: { publicUrl: 'https://deploy.example.com' } })
    await door.push({ id: 'good' })
    await door.push({ id: 'bad', key: 'another-secret-0123456789' })

    expect((await door.api('/api/webhooks', { token: tokens.read })).body).toEqual({
      webhooks: [
        {
          name: 'github',
          provider: 'github',
          path: '/hooks/github',
          url: 'https://deploy.example.com/hooks/github',
          secrets: [{ number: 1, lastUsedAt: expect.any(String) as string }],
          lastDelivery: { id: 1, at: expect.any(String) as string, result: 'accepted', reason: null },
          refused: { count: 1, last: expect.objectContaining({ reason: 'bad_signature' }) as object },
        },
      ],
    })
  })

  it('gives a new secret that is put first nothing of the last use of the old one', async () => {
    const door = await openDoor()
    await door.push()
    setSecrets(door, 'a-new-secret-0123456789', secret)

    const { webhooks } = (await door.api('/api/webhooks')).body as { webhooks: { secrets: unknown }[] }
    expect(webhooks[0]?.secrets).toEqual([
      { number: 1, lastUsedAt: null },
      { number: 2, lastUsedAt: expect.any(String) as string },
    ])
    const { text } = await door.api('/metrics')
    expect(text).toMatch(/secret_last_used_timestamp_seconds\{webhook="github",secret="2"\} \d/)
    expect(text).not.toContain('secret="1"')
  })
})

describe('POST /api/deliveries/:id/replay', () => {
  it('answers as the webhook did, with a delivery of its own', async () => {
    const door = await openDoor()
    await door.push()

    expect(await door.api('/api/deliveries/1/replay', { method: 'POST' })).toMatchObject({
      status: 202,
      body: { delivery: 2, result: 'accepted', deployments: [{ id: 2, app: 'blog' }], ignored: [] },
    })
    expect((await door.api('/api/deliveries/2')).body).toMatchObject({ replayOf: 1, result: 'accepted' })
    const next = createApp('blog', { branch: 'next' })
    door.setMap((map) => ({ ...map, apps: new Map([['blog', next]]), appsByRepository: byRepository([next]) }))
    expect(await door.control('/api/deliveries/1/replay', { method: 'POST' })).toMatchObject({
      status: 200,
      body: { delivery: 3, result: 'ignored', reason: 'branch', ignored: [{ app: 'blog', reason: 'branch' }] },
    })
  })

  it('is for those who may operate', async () => {
    const door = await openDoor()
    await door.push()
    const asked = { method: 'POST', token: tokens.read } as const
    expect((await door.api('/api/deliveries/1/replay', asked)).status).toBe(403)
  })

  it.each([
    ['/api/deliveries/9/replay', 404, 'delivery_not_found'],
    ['/api/deliveries/x/replay', 400, 'invalid_request'],
  ] as const)('of %s is a %d', async (path, status, code) => {
    const door = await openDoor()
    expect(await door.api(path, { method: 'POST' })).toMatchObject({ status, body: { error: { code } } })
  })

  it('of one whose content is not kept is a 409 that says what to do instead', async () => {
    const door = await openDoor({ server: { keepDeliveriesMs: 0 } })
    await door.push()
    expect(await door.api('/api/deliveries/1/replay', { method: 'POST' })).toMatchObject({
      status: 409,
      body: {
        error: {
          code: 'delivery_not_kept',
          message:
            'What this delivery said is not kept (any more): for its age (server.keep_deliveries in deploy.yml), or for want of room. Deploy the tip of the branch instead: deployhook deploy blog',
        },
      },
    })
  })

  it('of one whose webhook is gone is a 409', async () => {
    const door = await openDoor()
    await door.push()
    door.setMap((map) => ({ ...map, webhooks: new Map() }))
    expect(await door.api('/api/deliveries/1/replay', { method: 'POST' })).toMatchObject({
      status: 409,
      body: { error: { code: 'webhook_removed' } },
    })
  })

  it('of one whose webhook has another provider now is a 409', async () => {
    const door = await openDoor()
    await door.push()
    const webhook = { name: 'github', provider: 'gitlab', secrets: [new Secret(secret)], options: {} }
    door.setMap((map) => ({ ...map, webhooks: new Map([['github', webhook]]) }))
    expect(await door.api('/api/deliveries/1/replay', { method: 'POST' })).toMatchObject({
      status: 409,
      body: { error: { code: 'provider_changed' } },
    })
  })
})
