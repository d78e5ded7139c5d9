import { describe, expect, it } from 'vitest'
import {
  aDeployment,
  events,
  hostile,
  inTurn,
  json,
  refuse,
  run,
  startDaemon,
  type Answer,
  type Daemon,
  type SentEvent,
} from './world.ts'

const queued = aDeployment({
  id: 13,
  state: 'queued',
  outcome: null,
  waitingFor: 'turn',
  startedAt: null,
  finishedAt: null,
})
const running = { ...queued, state: 'running', waitingFor: null, startedAt: '2026-11-24T11:59:50.000Z' }
const succeeded = aDeployment({ id: 13, trigger: 'manual' })
const failed = aDeployment({
  id: 13,
  outcome: 'failed',
  reason: 'step_failed',
  message: 'step 1/1 (npm ci) failed: exit code 1',
})

const story: readonly SentEvent[] = [
  { event: 'state', data: { deployment: queued } },
  { event: 'state', data: { deployment: running } },
  { event: 'state', data: { deployment: { ...running, revision: 'b'.repeat(40) } } },
  {
    event: 'line',
    id: 40,
    data: { at: '2026-11-24T11:59:51.100Z', step: null, stream: 'deployhook', text: 'step 1/1: npm ci' },
  },
  {
    event: 'line',
    id: 80,
    data: { at: '2026-11-24T11:59:52.200Z', step: 'npm ci', stream: 'output', text: 'added 7 packages' },
  },
]
const end: SentEvent = { event: 'end' }

const told = [
  'deployment 13 of blog: queued (turn)',
  'deployment 13 of blog: running',
  '11:59:51 » step 1/1: npm ci',
  '11:59:52   added 7 packages',
]

/** A daemon that takes `deploy blog` and tells it as `log`, to the given end. */
function daemonWith(log: Answer, last: unknown = succeeded): Promise<Daemon> {
  return startDaemon({
    'POST /api/apps/blog/deploy': json({ deployment: queued }, 202),
    'POST /api/deployments/12/retry': json({ deployment: queued }, 202),
    'GET /api/deployments/13/log': log,
    'GET /api/deployments/13': json(last),
  })
}

describe('deploy', () => {
  it('follows the deployment, each state once, and exits 0 when it is live', async () => {
    const daemon = await daemonWith(events([...story, end]))
    expect(await run(['deploy', 'blog', '--socket', daemon.socket])).toEqual({
      code: 0,
      out: [...told, 'deployment 13 of blog succeeded in 12 s: aaaaaaaaaaaa is live', ''].join('\n'),
      err: '',
    })
    expect(daemon.asked[0]).toMatchObject({ method: 'POST', url: '/api/apps/blog/deploy', body: '{}' })
  })

  it.each([
    [['--tag', 'v1.2'], '{"ref":"refs/tags/v1.2"}'],
    [['--branch', 'release/2', '--adopt'], '{"adopt":true,"ref":"refs/heads/release/2"}'],
  ])('asks for what it is told: %j', async (options, body) => {
    const daemon = await daemonWith(events([...story, end]))
    expect((await run(['deploy', 'blog', ...options, '--socket', daemon.socket])).code).toBe(0)
    expect(daemon.asked[0]).toMatchObject({ method: 'POST', url: '/api/apps/blog/deploy', body })
  })

  it('takes a branch or a tag, not both', async () => {
    const { code, err } = await run(['deploy', 'blog', '--branch', 'main', '--tag', 'v1'])
    expect({ code, err }).toEqual({ code: 2, err: 'deployhook: give --branch or --tag, not both\n' })
  })

  it('prints each line as it comes, not when all is over', async () => {
    let finish: () => void = () => undefined
    const daemon = await daemonWith((asked, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(
        `id: 9\nevent: line\ndata: ${JSON.stringify({ at: '2026-11-24T11:59:52.200Z', step: 'x', text: 'half-way' })}\n\n`,
      )
      finish = () => response.end('event: end\ndata: {}\n\n')
    })
    const onOutput = (text: string): void => {
      if (text.endsWith('half-way\n')) finish()
    }
    expect((await run(['deploy', 'blog', '--socket', daemon.socket], { onOutput })).code).toBe(0)
  })

  it.each([
    { outcome: 'succeeded', code: 0 },
    { outcome: 'skipped', code: 0 },
    { outcome: 'failed', code: 1 },
    { outcome: 'timed_out', code: 1 },
    { outcome: 'cancelled', code: 1 },
    { outcome: 'interrupted', code: 1 },
    { outcome: 'rolled_back', code: 1 },
    { outcome: 'something_newer', code: 1 },
  ])('exits $code when the deployment ended as $outcome', async ({ outcome, code }) => {
    const daemon = await daemonWith(events([...story, end]), aDeployment({ id: 13, outcome, message: 'for a reason' }))
    expect((await run(['deploy', 'blog', '--socket', daemon.socket])).code).toBe(code)
  })

  it('says why it failed and where to look', async () => {
    const daemon = await daemonWith(events([...story, end]), failed)
    const { out } = await run(['deploy', 'blog', '--socket', daemon.socket])
    expect(out).toContain(
      'deployment 13 of blog failed: step 1/1 (npm ci) failed: exit code 1\nsee: deployhook explain 13\n',
    )
  })

  it('follows the successor when it is superseded, and exits by the outcome of that', async () => {
    const superseded = { ...queued, state: 'done', outcome: 'superseded', supersededBy: 14 }
    const next = { ...failed, id: 14 }
    const daemon = await startDaemon({
      'POST /api/apps/blog/deploy': json({ deployment: queued }, 202),
      'GET /api/deployments/13/log': events([{ event: 'state', data: { deployment: queued } }, end]),
      'GET /api/deployments/13': json(superseded),
      'GET /api/deployments/14/log': events([{ event: 'state', data: { deployment: { ...running, id: 14 } } }, end]),
      'GET /api/deployments/14': json(next),
    })
    const { code, out, err } = await run(['deploy', 'blog', '--socket', daemon.socket])
    expect(code).toBe(1)
    expect(err).toBe('deployment 13 of blog is superseded by 14: following that one\n')
    expect(out).toContain('deployment 14 of blog: running\n')
    expect(out).toContain('deployment 14 of blog failed')
  })

  it('goes on where it was after a lost connection, without a line twice', async () => {
    const daemon = await daemonWith(
      inTurn(
        events(story.slice(0, 4), { broken: true }),
        events([{ event: 'state', data: { deployment: running } }, ...story.slice(4)]),
        events([end]),
      ),
    )
    const { code, out, err } = await run(['deploy', 'blog', '--socket', daemon.socket])
    expect(err).toBe('the connection to the daemon is lost; waiting for it (Ctrl-C to leave)\n'.repeat(2))
    expect(code).toBe(0)
    expect(out.split('\n').slice(0, 4)).toEqual(told)
    const follows = daemon.asked.filter(({ url }) => url === '/api/deployments/13/log?follow')
    expect(follows.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '40', '80'])
  })

  it('exits 3 when the daemon goes and stays away, saying how to go on', async () => {
    const daemon = await daemonWith(events(story, { broken: true }))
    let slept = 0
    const sleep = async (): Promise<void> => {
      slept += 1
      if (slept === 1) await daemon.stop()
    }
    const { code, err } = await run(['deploy', 'blog', '--socket', daemon.socket], { sleep })
    expect(code).toBe(3)
    expect(slept).toBe(30)
    expect(err).toContain('the daemon does not come back; once it does: deployhook logs -f 13')
  })

  it('waits on when the log ended before the deployment did', async () => {
    const daemon = await startDaemon({
      'POST /api/apps/blog/deploy': json({ deployment: queued }, 202),
      'GET /api/deployments/13/log': events([...story, end]),
      'GET /api/deployments/13': inTurn(json(queued), json(succeeded)),
    })
    expect((await run(['deploy', 'blog', '--socket', daemon.socket])).code).toBe(0)
  })

  it('stops following at Ctrl-C, says that the deployment goes on, and is not taken for a success', async () => {
    let interrupt: () => void = () => undefined
    let released = false
    const daemon = await daemonWith((asked, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`event: state\ndata: ${JSON.stringify({ deployment: running })}\n\n`)
    })
    const { code, err } = await run(['deploy', 'blog', '--socket', daemon.socket], {
      onInterrupt: (listener) => {
        interrupt = listener
        return () => {
          released = true
        }
      },
      onOutput: () => {
        interrupt()
      },
    })
    expect(code).toBe(130)
    expect(err).toBe(
      'deployment 13 goes on without you: deployhook logs -f 13 to see it, deployhook cancel 13 to end it\n',
    )
    expect(released).toBe(true)
    expect(daemon.asked.some(({ url }) => url.includes('cancel'))).toBe(false)
  })

  it('only queues it with --no-wait', async () => {
    const daemon = await daemonWith(refuse(500, { code: 'not_wanted', message: 'nobody should ask' }))
    expect(await run(['deploy', 'blog', '--no-wait', '--socket', daemon.socket])).toEqual({
      code: 0,
      out: 'deployment 13 of blog is queued; see it run: deployhook logs -f 13\n',
      err: '',
    })
    expect(daemon.asked).toHaveLength(1)
  })

  it('asks to take a directory over only with --adopt', async () => {
    const daemon = await daemonWith(events([end]))
    await run(['deploy', 'blog', '--adopt', '--no-wait', '--socket', daemon.socket])
    expect(daemon.asked[0]?.body).toBe('{"adopt":true}')
  })

  it('prints nothing but the final deployment with --json', async () => {
    const daemon = await daemonWith(events([...story, end]), failed)
    const { code, out } = await run(['deploy', 'blog', '--json', '--socket', daemon.socket])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toEqual({ deployment: failed })
  })

  it('exits 1 with the words of the daemon when there is no such app, whatever its name holds', async () => {
    const daemon = await startDaemon({
      'POST /api/apps/..%2Freload/deploy': refuse(404, {
        code: 'app_not_found',
        message: 'No app of deploy.yml has this name.',
      }),
    })
    const { code, err } = await run(['deploy', '../reload', '--socket', daemon.socket])
    expect({ code, err }).toEqual({ code: 1, err: 'deployhook: No app of deploy.yml has this name.\n' })
  })

  it('says the status when the daemon refuses without a word', async () => {
    const daemon = await startDaemon({
      'POST /api/apps/blog/deploy': (_, response) => response.writeHead(500).end('<html>'),
    })
    const { code, err } = await run(['deploy', 'blog', '--socket', daemon.socket])
    expect(code).toBe(1)
    expect(err).toContain('status 500')
  })

  it('lets no output of a step steer the terminal or pass for words of the daemon', async () => {
    const daemon = await daemonWith(
      events([
        {
          event: 'line',
          id: 1,
          data: { at: '2026-11-24T11:59:52.200Z', step: 'x', text: `${hostile}\r11:59:52 » all is live\nmore` },
        },
        end,
      ]),
      aDeployment({ id: 13, outcome: 'failed', message: hostile }),
    )
    const { out } = await run(['deploy', 'blog', '--socket', daemon.socket])
    expect(out).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/)
    expect(out).toContain('\n11:59:52   11:59:52 » all is live\n11:59:52   more\n')
  })
})

describe('retry', () => {
  it('follows the new deployment and exits by its outcome', async () => {
    const daemon = await daemonWith(events([...story, end]), failed)
    const { code, out } = await run(['retry', '12', '--socket', daemon.socket])
    expect(code).toBe(1)
    expect(out.split('\n').slice(0, 4)).toEqual(told)
    expect(daemon.asked[0]?.url).toBe('/api/deployments/12/retry')
  })

  it('exits 1 when the deployment is not done yet', async () => {
    const daemon = await startDaemon({
      'POST /api/deployments/12/retry': refuse(409, {
        code: 'not_done',
        message: 'It is not done yet; cancel it first, or wait.',
      }),
    })
    const { code, err } = await run(['retry', '12', '--socket', daemon.socket])
    expect({ code, err }).toEqual({ code: 1, err: 'deployhook: It is not done yet; cancel it first, or wait.\n' })
  })
})

describe('cancel', () => {
  it('says whether it is cancelled or still being ended', async () => {
    const daemon = await startDaemon({
      'POST /api/deployments/13/cancel': inTurn(
        json({ deployment: running }, 202),
        json({ deployment: { ...queued, state: 'done', outcome: 'cancelled' } }, 202),
      ),
    })
    const argv = ['cancel', '13', '--socket', daemon.socket]
    expect((await run(argv)).out).toBe('deployment 13 of blog is being ended; see it end: deployhook logs -f 13\n')
    expect(await run(argv)).toEqual({ code: 0, out: 'deployment 13 of blog is cancelled\n', err: '' })
  })

  it('exits 1 when there is nothing to cancel', async () => {
    const daemon = await startDaemon({
      'POST /api/deployments/13/cancel': refuse(409, {
        code: 'already_done',
        message: 'It is done; there is nothing to cancel.',
      }),
    })
    expect((await run(['cancel', '13', '--socket', daemon.socket])).code).toBe(1)
  })
})
