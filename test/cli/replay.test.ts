import { describe, expect, it } from 'vitest'
import { aDeployment, events, hostile, json, refuse, run, startDaemon, type Daemon } from './world.ts'

function daemonWith(answer: object, outcomes: Readonly<Record<number, string>> = {}): Promise<Daemon> {
  const deployments = Object.entries(outcomes).flatMap(([id, outcome]) => [
    [`GET /api/deployments/${id}`, json(aDeployment({ id: Number(id), trigger: 'replay', outcome }))] as const,
    [`GET /api/deployments/${id}/log`, events([{ event: 'end' }])] as const,
  ])
  return startDaemon({ 'POST /api/deliveries/12/replay': json(answer, 202), ...Object.fromEntries(deployments) })
}

function replay({ socket }: Daemon, ...more: readonly string[]) {
  return run(['replay', '12', '--socket', socket, ...more])
}

describe('deployhook replay', () => {
  it('follows every deployment that it makes, and ends as the worst of them', async () => {
    const daemon = await daemonWith(
      {
        delivery: 13,
        result: 'accepted',
        deployments: [
          { id: 21, app: 'blog' },
          { id: 22, app: 'docs' },
        ],
        ignored: [{ app: 'next', reason: 'branch' }],
      },
      { 21: 'failed', 22: 'succeeded' },
    )
    const { code, out, err } = await replay(daemon)
    expect(code).toBe(1)
    expect(out).toContain('deployment 21 of blog failed')
    expect(out).toContain('deployment 22 of blog succeeded')
    expect(err).toContain('next does not want it: branch')
  })

  it('only queues with --no-wait', async () => {
    const daemon = await daemonWith(
      { delivery: 13, result: 'accepted', deployments: [{ id: 21, app: 'blog' }], ignored: [] },
      { 21: 'succeeded' },
    )
    expect(await replay(daemon, '--no-wait')).toMatchObject({
      code: 0,
      out: 'deployment 21 of blog is queued; see it run: deployhook logs -f 21\n',
    })
  })

  it('says why nothing is deployed, and prints nothing that acts on the terminal', async () => {
    const daemon = await daemonWith({ delivery: 13, result: 'ignored', reason: hostile, ignored: [] })
    const { code, out } = await replay(daemon)
    expect(code).toBe(0)
    expect(out).toContain('delivery 13 is ignored (')
    expect(out).toContain('see: deployhook explain delivery 13')
    expect(out).not.toContain('\u001b')
  })

  it('prints the answer itself as JSON', async () => {
    const answer = { delivery: 13, result: 'ignored', reason: 'branch', ignored: [{ app: 'blog', reason: 'branch' }] }
    const { code, out } = await replay(await daemonWith(answer), '--json')
    expect([code, JSON.parse(out)]).toEqual([0, answer])
  })

  it("fails with the daemon's own reason when it cannot be replayed", async () => {
    const daemon = await startDaemon({
      'POST /api/deliveries/12/replay': refuse(409, { code: 'delivery_not_kept', message: 'It is not kept any more.' }),
    })
    expect(await replay(daemon)).toMatchObject({ code: 1, err: 'deployhook: It is not kept any more.\n' })
  })

  it('takes an id and nothing else', async () => {
    expect((await run(['replay', 'twelve'])).code).toBe(2)
  })
})

describe('deployhook webhooks', () => {
  const [older, newer] = ['2026-11-23T12:00:00.000Z', '2026-11-24T11:58:00.000Z']

  function list(...used: readonly (string | null)[]): Promise<Daemon> {
    const webhook = {
      name: 'github',
      provider: 'github',
      path: '/hooks/github',
      url: 'https://deploy.example.com/hooks/github',
      secrets: used.map((lastUsedAt, index) => ({ number: index + 1, lastUsedAt })),
      lastDelivery: { id: 9, at: newer, result: 'accepted', reason: null },
      refused: { count: 0, last: null },
    }
    return startDaemon({ 'GET /api/webhooks': json({ webhooks: [webhook] }) })
  }

  it('shows where each is, what came last and when each secret was last used', async () => {
    const { out, code } = await run(['webhooks', '--socket', (await list(newer)).socket])
    expect(code).toBe(0)
    expect(out).toBe(
      [
        'WEBHOOK  PROVIDER  URL                                      LAST DELIVERY          SECRETS LAST USED  REFUSED',
        'github   github    https://deploy.example.com/hooks/github  9 accepted, 2 min ago  1: 2 min ago       0',
        '',
      ].join('\n'),
    )
  })

  it.each([
    [null, older, 'the new secret has not been used yet'],
    [newer, older, 'the old secret has not been used since the new one was'],
    [newer, null, 'the old secret has not been used since the new one was'],
    [older, newer, 'the old secret is still in use'],
  ])('says what to do with two secrets last used at %s and %s', async (young, old, told) => {
    const { out } = await run(['webhooks', '--socket', (await list(young, old)).socket])
    expect(out).toContain(told)
  })

  it('prints the answer itself as JSON', async () => {
    const { out } = await run(['webhooks', '--json', '--socket', (await list(newer)).socket])
    expect(JSON.parse(out)).toMatchObject({ webhooks: [{ name: 'github', secrets: [{ number: 1 }] }] })
  })
})
