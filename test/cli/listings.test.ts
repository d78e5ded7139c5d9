import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { aDelivery, aDeployment, hostile, json, refuse, run, startDaemon, type Running } from './world.ts'

const status = {
  version: '0.1.0',
  startedAt: '2026-11-24T10:00:00.000Z',
  listen: '127.0.0.1:9000',
  config: { file: '/etc/deployhook/deploy.yml', loadedAt: '2026-11-24T11:58:00.000Z', problems: [] as string[] },
  catchUp: { failing: [] as string[] },
  held: [] as object[],
  frozen: [] as object[],
  webhooks: [
    {
      name: 'github',
      provider: 'github',
      path: '/hooks/github',
      lastDelivery: { id: 9, at: '2026-11-24T11:57:00.000Z', result: 'accepted', reason: null },
      refused: { count: 2, last: null },
    },
    { name: 'lab', provider: 'gitlab', path: '/hooks/lab', lastDelivery: null, refused: { count: 0, last: null } },
  ],
  health: { reasons: [] as string[], warnings: [] as string[] },
  disk: { problems: [], stops: [] },
  reporters: [] as object[],
  running: 1,
  queued: 2,
  maxRunning: 4,
  draining: false,
}

const app = {
  name: 'blog',
  repo: 'https://github.com/acme/blog.git',
  branch: 'main',
  path: '/srv/blog',
  live: { revision: 'a'.repeat(40), deployment: 12, at: '2026-11-24T11:57:42.000Z' },
  strategy: 'in-place',
  release: null,
  held: null,
  frozen: null,
  running: 13,
  queued: [14, 15],
  last: aDeployment({ id: 15, state: 'queued', outcome: null, waitingFor: 'turn' }),
  catchUp: { every: '5m', answeredAt: '2026-11-24T11:58:00.000Z', failing: null },
}

const refusal = {
  at: '2026-11-24T11:59:30.000Z',
  webhook: 'github',
  remoteAddress: '203.0.113.9',
  providerId: 'abc-1',
  reason: 'bad_signature',
}

/** Each listing with what the daemon answers. */
const listings = [
  { argv: ['status'], path: '/api/status', answer: status },
  { argv: ['apps'], path: '/api/apps', answer: { apps: [app] } },
  { argv: ['deployments'], path: '/api/deployments', answer: { deployments: [aDeployment()], next: 5 } },
  { argv: ['show', '12'], path: '/api/deployments/12', answer: aDeployment() },
  {
    argv: ['deliveries'],
    path: '/api/deliveries',
    answer: { deliveries: [aDelivery()], next: null, refused: [refusal] },
  },
  {
    argv: ['explain', 'blog'],
    path: '/api/explain',
    answer: { headline: 'blog is live', facts: ['a fact'], next: ['deployhook logs 12'] },
  },
] as const

async function ask(
  argv: readonly string[],
  { path, answer }: { readonly path: string; readonly answer: unknown },
  running: Running = {},
) {
  const daemon = await startDaemon({ [`GET ${path}`]: json(answer) })
  return { ...(await run([...argv, '--socket', daemon.socket], running)), asked: daemon.asked }
}

describe('status', () => {
  it('shows how each reporter stands, once there is one', async () => {
    const ops = { name: 'ops', kind: 'webhook', pending: 1, dead: 2, lastSentAt: '2026-11-24T11:57:00.000Z' }
    const gone = { name: 'old', kind: null, pending: 0, dead: 0, lastSentAt: null, lastError: null }
    const reporters = [{ ...ops, lastError: 'hooks.example.com answered 500' }, gone]
    const { out } = await ask(['status'], { path: '/api/status', answer: { ...status, reporters } })
    expect(out).toMatch(/REPORTER +KIND +LAST TOLD +WAITING +GIVEN UP +PROBLEM/)
    expect(out).toMatch(/ops +webhook +3 min ago +1 +2 +hooks.example.com answered 500/)
    expect(out).toMatch(/old +gone +nothing yet +0 +0/)
    expect((await ask(['status'], { path: '/api/status', answer: status })).out).not.toContain('REPORTER')
  })

  it('shows the daemon, its file, its queue and each webhook', async () => {
    const { code, out } = await ask(['status'], { path: '/api/status', answer: status })
    expect(code).toBe(0)
    expect(out).toBe(
      [
        'deployhook     0.1.0, started 2 h ago',
        'listens on     127.0.0.1:9000',
        'configuration  /etc/deployhook/deploy.yml, loaded 2 min ago',
        'deployments    1 running (at most 4 at once), 2 queued',
        '',
        'WEBHOOK  PROVIDER  PATH           LAST DELIVERY          REFUSED',
        'github   github    /hooks/github  9 accepted, 3 min ago  2',
        'lab      gitlab    /hooks/lab     none yet               0',
        '',
      ].join('\n'),
    )
  })

  it.each([
    ['all' as const, 'Nothing is deployed'],
    [['docs', 'shop'], 'Not deployed: docs, shop'],
  ])('says what is not deployed for want of room on a disk: %j', async (stops, what) => {
    const answer = { ...status, disk: { problems: ['the disk that /srv lies on has 1 MiB free'], stops } }
    const { out } = await ask(['status'], { path: '/api/status', answer })
    expect(out).toContain(
      `${what}; what arrives is kept while the database finds room:\nthe disk that /srv lies on has 1 MiB free\n`,
    )
  })

  it('says what is held and frozen, by whom, why and until when', async () => {
    const by = { by: 'alice', reason: 'release day', at: '2026-11-24T11:57:00.000Z' }
    const held = [{ ...by, app: 'blog', release: null, revision: 'a'.repeat(40), deployment: 12, until: 'unhold' }]
    const frozen = [{ ...by, scope: '*', until: '2026-11-24T14:00:00.000Z' }]
    const { out } = await ask(['status'], { path: '/api/status', answer: { ...status, held, frozen } })
    expect(out).toContain(
      [
        '\nAll apps are frozen until 2026-11-24T14:00:00.000Z (3 min ago, by alice: release day). What ends it sooner: deployhook unfreeze --all',
        'blog is held at aaaaaaaaaaaa (3 min ago, by alice: release day). What ends it: deployhook unhold blog\n',
      ].join('\n'),
    )
  })

  it('says that the file on disk is not the one in use', async () => {
    const answer = {
      ...status,
      config: { ...status.config, problems: ['deploy.yml:3:5 apps.blog: unknown key'] },
      draining: true,
    }
    const { out } = await ask(['status'], { path: '/api/status', answer })
    expect(out).toContain('the map from before is still in use')
    expect(out).toContain('deploy.yml:3:5 apps.blog: unknown key')
    expect(out).toContain('shutting down: starts no more')
  })

  it('says that nothing moves, and that the clock jumped', async () => {
    const health = { reasons: ['stuck'], warnings: ['clock_jumped'] }
    const { out } = await ask(['status'], { path: '/api/status', answer: { ...status, health } })
    expect(out).toContain(
      '\nIt makes no progress; its log says why.\n\nThe clock was set, or stood still, within the last day',
    )
  })
})

describe('apps', () => {
  it('shows what is live, running and queued of each', async () => {
    const { out } = await ask(['apps'], {
      path: '/api/apps',
      answer: { apps: [app, { ...app, name: 'shop', live: null, running: null, queued: [], last: null }] },
    })
    expect(out).toBe(
      [
        'APP   BRANCH  LIVE                     RUNNING  QUEUED  LAST              PATH',
        'blog  main    aaaaaaaaaaaa, 2 min ago  13       14 15   15 queued (turn)  /srv/blog',
        'shop  main    -                        -        -       -                 /srv/blog',
        '',
      ].join('\n'),
    )
  })
})

describe('a repository that does not answer catch-up', () => {
  it('is told of by apps with the reason, and by status', async () => {
    const failing = { times: 3, since: '2026-11-24T11:45:00.000Z', reason: 'auth', message: 'It failed. Add a key.' }
    const apps = { apps: [{ ...app, catchUp: { ...app.catchUp, failing } }] }
    expect((await ask(['apps'], { path: '/api/apps', answer: apps })).out).toContain(
      'blog: its repository has not answered 3 times, since 15 min ago, so pushes without a webhook are not noticed.\nIt failed. Add a key.\n',
    )
    const answer = { ...status, catchUp: { failing: ['blog'] } }
    expect((await ask(['status'], { path: '/api/status', answer })).out).toContain('blog (why: deployhook apps)')
  })
})

describe('deployments', () => {
  it('shows one a line and how to see older ones', async () => {
    const failed = aDeployment({
      id: 11,
      outcome: 'timed_out',
      message: 'step "npm ci" took longer than 30 min',
      startedAt: null,
    })
    const { out } = await ask(['deployments'], {
      path: '/api/deployments',
      answer: { deployments: [aDeployment(), failed], next: 11 },
    })
    expect(out).toBe(
      [
        'ID  APP   STATE      COMMIT        BY    ASKED FOR  TOOK',
        '12  blog  succeeded  aaaaaaaaaaaa  push  3 min ago  12 s',
        '11  blog  timed out  aaaaaaaaaaaa  push  3 min ago  -     step "npm ci" took longer than 30 min',
        'older ones: deployhook deployments --before 11',
        '',
      ].join('\n'),
    )
  })

  it('hands its filters to the daemon', async () => {
    const { asked } = await ask(
      ['deployments', '--app', 'blog', '--state', 'queued', '--limit', '500', '--before', '77'],
      listings[2],
    )
    expect(asked.map(({ url }) => url)).toEqual(['/api/deployments?app=blog&state=queued&limit=500&before=77'])
  })

  it('says so when there are none', async () => {
    const { code, out } = await ask(['deployments'], {
      path: '/api/deployments',
      answer: { deployments: [], next: null },
    })
    expect({ code, out }).toEqual({ code: 0, out: 'No deployments.\n' })
  })
})

describe('show', () => {
  it('shows what was pushed and what was deployed when the tip had moved on, and each step', async () => {
    const answer = aDeployment({
      revision: 'b'.repeat(40),
      outcome: 'failed',
      message: 'step 2 failed',
      attempts: 2,
      steps: [
        {
          number: 1,
          name: 'npm ci',
          attempt: 2,
          exitCode: 0,
          signal: null,
          startedAt: '2026-11-24T11:57:31.000Z',
          finishedAt: '2026-11-24T11:57:40.000Z',
        },
        {
          number: 2,
          name: 'npm test',
          attempt: 2,
          exitCode: 3,
          signal: null,
          startedAt: '2026-11-24T11:57:40.000Z',
          finishedAt: '2026-11-24T11:57:41.000Z',
        },
        {
          number: 3,
          name: 'sleep',
          attempt: 2,
          exitCode: null,
          signal: 'SIGKILL',
          startedAt: '2026-11-24T11:57:40.000Z',
          finishedAt: '2026-11-24T11:57:41.000Z',
        },
      ],
    })
    const { out } = await ask(['show', '12'], { path: '/api/deployments/12', answer })
    expect(out).toContain('deployment 12 of blog: failed')
    expect(out).toContain(`commit     ${'b'.repeat(40)}`)
    expect(out).toContain(`pushed     ${'a'.repeat(40)}; the tip had moved on`)
    expect(out).toContain('because    step 2 failed')
    expect(out).toContain('2        npm ci    exit 0   9.0 s')
    expect(out).toContain('2        npm test  exit 3   1.0 s')
    expect(out).toContain('2        sleep     SIGKILL  1.0 s')
  })

  it('exits 1 with the words of the daemon when there is no such deployment', async () => {
    const daemon = await startDaemon({
      'GET /api/deployments/99': refuse(404, {
        code: 'deployment_not_found',
        message: 'There is no deployment with this id.',
      }),
    })
    expect(await run(['show', '99', '--socket', daemon.socket])).toEqual({
      code: 1,
      out: '',
      err: 'deployhook: There is no deployment with this id.\n',
    })
  })
})

describe('deliveries', () => {
  it('shows what came of each, and what was refused lately', async () => {
    const deliveries = [
      aDelivery(),
      aDelivery({ id: 8, result: 'ignored', reason: 'branch', ref: 'refs/heads/next', deployments: [] }),
      aDelivery({ id: 7, result: 'duplicate', reason: null, duplicateOf: 6, deployments: [] }),
      aDelivery({ id: 6, result: 'ignored', event: 'ping', reason: 'ping', ref: null, after: null, deployments: [] }),
    ]
    const { out } = await ask(['deliveries'], {
      path: '/api/deliveries',
      answer: { deliveries, next: 6, refused: [refusal] },
    })
    expect(out).toBe(
      [
        'ID  WEBHOOK  EVENT  REF   COMMIT        RESULT              CAME',
        '9   github   push   main  aaaaaaaaaaaa  accepted   blog 12  3 min ago',
        '8   github   push   next  aaaaaaaaaaaa  ignored    branch   3 min ago',
        '7   github   push   main  aaaaaaaaaaaa  duplicate  of 6     3 min ago',
        '6   github   ping   -     -             ignored    ping     3 min ago',
        'older ones: deployhook deliveries --before 6',
        '',
        'Refused lately (401)',
        'CAME      WEBHOOK  FROM         REASON         CLAIMED ID',
        '30 s ago  github   203.0.113.9  bad_signature  abc-1',
        'what that means: deployhook explain',
        '',
      ].join('\n'),
    )
  })

  it('hands its filters to the daemon', async () => {
    const { asked } = await ask(['deliveries', '--webhook', 'github', '--app', 'blog', '--limit', '5'], listings[4])
    expect(asked.map(({ url }) => url)).toEqual(['/api/deliveries?webhook=github&app=blog&limit=5'])
  })
})

describe('explain', () => {
  it.each([
    { words: [], subject: '' },
    { words: ['blog'], subject: 'blog' },
    { words: ['12'], subject: '12' },
    { words: ['delivery', '12'], subject: 'delivery:12' },
    { words: ['delivery:12'], subject: 'delivery:12' },
    { words: ['72d3162e-cc78-11e3'], subject: '72d3162e-cc78-11e3' },
    { words: ['a&b=c'], subject: 'a&b=c' },
  ])('asks for $words', async ({ words, subject }) => {
    const { code, out, asked } = await ask(['explain', ...words], listings[5])
    expect(code).toBe(0)
    expect(new URL(asked[0]?.url ?? '', 'http://x').searchParams.get('subject') ?? '').toBe(subject)
    expect(out).toBe('blog is live\n  · a fact\n\nNext\n  → deployhook logs 12\n')
  })

  it('exits 1 when nothing is known', async () => {
    const daemon = await startDaemon({
      'GET /api/explain': refuse(404, { code: 'nothing_known', message: 'Nothing is known by this name or number.' }),
    })
    const { code, err } = await run(['explain', 'blgo', '--socket', daemon.socket])
    expect({ code, err }).toEqual({ code: 1, err: 'deployhook: Nothing is known by this name or number.\n' })
  })
})

describe.each(listings)('every listing: $argv', ({ argv, path, answer }) => {
  it('prints with --json exactly what the daemon answered', async () => {
    const { code, out } = await ask([...argv, '--json'], { path, answer })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual(answer)
  })

  it('colours on a terminal, not in a pipe, and never with NO_COLOR or a dumb terminal', async () => {
    const coloured = await ask(argv, { path, answer }, { isTTY: true })
    const plain = await ask(argv, { path, answer })
    expect(coloured.out).toContain('\u001b[')
    expect(plain.out).not.toContain('\u001b')
    expect(stripVTControlCharacters(coloured.out)).toBe(plain.out)
    expect((await ask(argv, { path, answer }, { isTTY: true, env: { NO_COLOR: '1' } })).out).toBe(plain.out)
    expect((await ask(argv, { path, answer }, { isTTY: true, env: { TERM: 'dumb' } })).out).toBe(plain.out)
  })

  it('lets nothing from outside steer the terminal, in text or in JSON', async () => {
    const evil = poisoned(answer)
    const text = await ask(argv, { path, answer: evil })
    expect(text.code).toBe(0)
    expect(text.out).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/)
    const asJson = await ask([...argv, '--json'], { path, answer: evil })
    expect(JSON.parse(asJson.out)).toEqual(evil)
    expect(asJson.out).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/)
  })
})

/** The same answer with every text in it (but times) hostile. */
function poisoned(value: unknown): unknown {
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT/.test(value) ? value : `${hostile}${value}`
  if (Array.isArray(value)) return value.map(poisoned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, poisoned(inner)]))
}
