import { describe, expect, it } from 'vitest'
import { aDeployment, events, hostile, json, refuse, run, startDaemon, type Answer, type Ran } from './world.ts'

const revision = 'a'.repeat(40)
const hold = { by: 'alice', reason: 'too slow', at: '2026-11-24T11:57:00.000Z', deployment: 12, until: 'unhold' }
const held = { ...hold, release: null, revision }
const frozen = { scope: 'blog', by: 'bob', reason: null, at: '2026-11-24T11:57:00.000Z', until: null }
const app = {
  name: 'blog',
  repo: 'https://github.com/acme/blog.git',
  branch: 'main',
  branches: [],
  tags: [],
  path: '/srv/blog',
  strategy: 'releases',
  live: null,
  release: null,
  held: null,
  frozen: null,
  running: null,
  queued: [] as number[],
  last: null,
  catchUp: { every: '5m', answeredAt: null, failing: null },
}
const queued = { state: 'queued', outcome: null, startedAt: null, finishedAt: null, revision: null, steps: [] }

async function ask(
  argv: readonly string[],
  answers: Readonly<Record<string, Answer>>,
  env: Readonly<Record<string, string>> = { SUDO_USER: 'alice', USER: 'root' },
): Promise<Ran & { readonly bodies: readonly unknown[] }> {
  const daemon = await startDaemon(answers)
  const ran = await run([...argv, '--socket', daemon.socket], { env })
  return { ...ran, bodies: daemon.asked.map(({ body }) => (body === '' ? null : (JSON.parse(body) as unknown))) }
}

describe('rollback', () => {
  const answers = {
    'POST /api/apps/blog/rollback': json({ deployment: aDeployment({ ...queued, trigger: 'rollback' }) }, 202),
    'GET /api/deployments/12/log': events([{ event: 'end' }]),
    'GET /api/deployments/12': json(aDeployment({ trigger: 'rollback' })),
  }

  it('asks as who typed it, with where to and why, and follows', async () => {
    const argv = ['rollback', 'blog', '--to', '1a2b3c4', '--reason', 'broken', '--force']
    const { code, out, bodies } = await ask(argv, answers)
    expect(bodies[0]).toEqual({ to: '1a2b3c4', force: true, by: 'alice', reason: 'broken' })
    expect(code).toBe(0)
    expect(out).toBe('deployment 12 of blog succeeded in 12 s: aaaaaaaaaaaa is live\n')
  })

  it('asks as the user without sudo, and as nobody where there is no name', async () => {
    expect((await ask(['rollback', 'blog', '--no-wait'], answers, { USER: 'carol' })).bodies).toEqual([{ by: 'carol' }])
    expect((await ask(['rollback', 'blog', '--no-wait'], answers, {})).bodies).toEqual([{}])
  })

  it('says what the daemon says when there is nothing to go back to', async () => {
    const message = 'There is nothing to go back to. There are no releases yet.'
    const { code, err } = await ask(['rollback', 'blog'], {
      'POST /api/apps/blog/rollback': refuse(409, { code: 'nothing_to_go_back_to', message }),
    })
    expect({ code, err }).toEqual({ code: 1, err: `deployhook: ${message}\n` })
  })

  it('says that a freeze keeps it waiting while it follows', async () => {
    const waiting = aDeployment({ ...queued, waitingFor: 'freeze' })
    const { err } = await ask(['rollback', 'blog'], {
      ...answers,
      'POST /api/apps/blog/rollback': json({ deployment: waiting }, 202),
    })
    expect(err).toBe('blog is frozen, so this waits (by whom, why, and what ends it: deployhook apps)\n')
  })
})

describe('deploy', () => {
  it('asks for one commit, by force and with a reason, when told to', async () => {
    const argv = ['deploy', 'blog', '--revision', '1a2b3c4', '--force', '--reason', 'hotfix', '--no-wait']
    const { bodies } = await ask(argv, { 'POST /api/apps/blog/deploy': json({ deployment: aDeployment(queued) }, 202) })
    expect(bodies).toEqual([{ revision: '1a2b3c4', force: true, by: 'alice', reason: 'hotfix' }])
  })
})

describe('hold and unhold', () => {
  it('tell at what, by whom, why, and what ends it', async () => {
    const answer = { held: { ...held, release: '20261124-163000-aaaaaaaaaaaa' }, app }
    const { code, out, bodies } = await ask(['hold', 'blog', '--reason', 'too slow'], {
      'POST /api/apps/blog/hold': json(answer),
    })
    expect(code).toBe(0)
    expect(bodies).toEqual([{ by: 'alice', reason: 'too slow' }])
    expect(out).toBe(
      'blog is held at 20261124-163000-aaaaaaaaaaaa (3 min ago, by alice: too slow). What ends it: deployhook unhold blog\n',
    )
  })

  it.each([
    ['what waits', { queued: [15] }, 'Next: deployment 15'],
    ['catch-up', {}, 'Next: catch-up asks the repository now, and what was pushed meanwhile is deployed'],
    [
      'the next push, without catch-up',
      { catchUp: { ...app.catchUp, every: null } },
      'Next: what is pushed from now on. What was pushed meanwhile (catch_up is off): deployhook deploy blog',
    ],
    ['a freeze', { frozen }, 'blog is frozen (3 min ago, by bob). What ends it: deployhook unfreeze blog'],
  ])('unhold says that next comes %s', async (_, change, says) => {
    const answer = { ended: held, app: { ...app, ...change }, quarantined: null }
    const { out } = await ask(['unhold', 'blog'], { 'POST /api/apps/blog/unhold': json(answer) })
    expect(out).toBe(`blog is not held any more.\n${says}\n`)
  })

  it('unhold names what stays out, and how to deploy it all the same', async () => {
    const quarantined = { app: 'blog', revision: 'b'.repeat(40), deployment: 11, reason: 'rollback', at: hold.at }
    const { code, out } = await ask(['unhold', 'blog'], {
      'POST /api/apps/blog/unhold': json({ ended: null, app, quarantined }),
    })
    expect(code).toBe(0)
    expect(out).toMatch(/^blog was not held\.\n/)
    expect(out).toContain('bbbbbbbbbbbb was rolled back and is not deployed again by itself')
    expect(out).toContain('deployhook deploy blog --force\n')
  })
})

describe('freeze and unfreeze', () => {
  it('of one app or of all tell until when, and what ends it', async () => {
    const all = { ...frozen, scope: '*', until: '2026-11-24T14:00:00.000Z', reason: 'release day' }
    const one = await ask(['freeze', 'blog'], { 'POST /api/apps/blog/freeze': json({ frozen, app }) })
    expect(one.out).toBe('blog is frozen (3 min ago, by bob). What ends it: deployhook unfreeze blog\n')
    const every = await ask(['freeze', '--all', '--until', '2h', '--reason', 'release day'], {
      'POST /api/freeze': json({ frozen: all }),
    })
    expect(every.bodies).toEqual([{ until: '2h', by: 'alice', reason: 'release day' }])
    expect(every.out).toBe(
      'All apps are frozen until 2026-11-24T14:00:00.000Z (3 min ago, by bob: release day). What ends it sooner: deployhook unfreeze --all\n',
    )
  })

  it('unfreeze says what comes next, and is a failure where the app is frozen with all others', async () => {
    const unfreeze = (answer: object) => ask(['unfreeze', 'blog'], { 'POST /api/apps/blog/unfreeze': json(answer) })
    expect(await unfreeze({ ended: frozen, app: { ...app, queued: [15] } })).toMatchObject({
      code: 0,
      out: 'blog is not frozen any more.\nNext: deployment 15\n',
    })
    const still = { ...app, frozen: { ...frozen, scope: '*' } }
    expect(await unfreeze({ ended: null, app: still })).toMatchObject({
      code: 1,
      out: 'All apps are frozen (3 min ago, by bob). What ends it: deployhook unfreeze --all\n',
    })
    const all = await ask(['unfreeze', '--all'], { 'POST /api/unfreeze': json({ ended: null }) })
    expect(all).toMatchObject({ code: 0, out: expect.stringContaining('There was no freeze of all apps') as string })
  })
})

describe('approve', () => {
  it.each([
    [{ exact: true }, 'deployment 12 of blog is approved: aaaaaaaaaaaa; see it run: deployhook logs -f 12\n'],
    [
      { requestedRevision: null },
      'deployment 12 of blog is approved: the tip of main; see it run: deployhook logs -f 12\n',
    ],
    [
      { exact: true, waitingFor: 'window' },
      'deployment 12 of blog is approved: aaaaaaaaaaaa; it still waits (until a window of deploy.yml opens)\n',
    ],
  ])('says what it has approved: %j', async (fields, out) => {
    const deployment = aDeployment({ ...queued, ...fields })
    const { bodies, ...ran } = await ask(['approve', '12'], {
      'POST /api/deployments/12/approve': json({ deployment }, 202),
    })
    expect(ran).toEqual({ code: 0, out, err: '' })
    expect(bodies).toEqual([{ by: 'alice' }])
  })
})

describe('releases', () => {
  const release = { name: '20261124-113000-bbbbbbbbbbbb', revision: 'b'.repeat(40), ref: 'refs/heads/main' }
  const facts = { deployment: 11, at: '2026-11-24T11:00:00.000Z', isLive: false, isComplete: true }
  const old = { ...release, ...facts, isPrevious: false, quarantined: false }

  it('lists what is there, and what each is', async () => {
    const releases = [
      { ...old, isComplete: false },
      { ...old, quarantined: true },
      { ...old, isLive: true },
      { ...old, isPrevious: true },
      old,
    ]
    const { out } = await ask(['releases', 'blog'], {
      'GET /api/apps/blog/releases': json({ strategy: 'releases', releases }),
    })
    const row = '20261124-113000-bbbbbbbbbbbb  bbbbbbbbbbbb  main    11          1 h ago'
    expect(out.split('\n')).toEqual([
      'RELEASE                       COMMIT        BRANCH  DEPLOYMENT  MADE     STATE',
      `${row}  not finished`,
      `${row}  quarantined`,
      `${row}  live`,
      `${row}  previous`,
      `${row}  complete`,
      '',
    ])
  })

  it('says that an app in place has none', async () => {
    const { out } = await ask(['releases', 'blog'], {
      'GET /api/apps/blog/releases': json({ strategy: 'in-place', releases: [] }),
    })
    expect(out).toContain('blog is deployed in place and has no releases')
  })
})

describe('what is kept back', () => {
  const waits = (waitingFor: string) => aDeployment({ ...queued, waitingFor, askedBy: 'carol', note: 'please' })

  it('is told by apps and status, with who, why and what ends it', async () => {
    const lines = [
      'blog is frozen (3 min ago, by bob). What ends it: deployhook unfreeze blog',
      'blog is held at aaaaaaaaaaaa (3 min ago, by alice: too slow). What ends it: deployhook unhold blog, or the next push',
    ].join('\n')
    const until = { ...held, until: 'next_push' }
    const { out } = await ask(['apps'], { 'GET /api/apps': json({ apps: [{ ...app, frozen, held: until }] }) })
    expect(out).toContain(`\n\n${lines}\n`)
  })

  it('by a freeze of all apps is told once', async () => {
    const all = { ...app, frozen: { ...frozen, scope: '*' } }
    const { out } = await ask(['apps'], { 'GET /api/apps': json({ apps: [all, { ...all, name: 'shop' }] }) })
    expect(out.match(/deployhook unfreeze --all/g)).toHaveLength(1)
  })

  it('is told by show, with who asked for it and why', async () => {
    const answers = (waitingFor: string) => ({
      'GET /api/deployments/12': json(waits(waitingFor)),
      'GET /api/apps': json({ apps: [{ ...app, frozen, held }] }),
    })
    expect((await ask(['show', '12'], answers('hold'))).out).toMatch(
      /waits for +blog is held at .* deployhook unhold blog/,
    )
    expect((await ask(['show', '12'], answers('freeze'))).out).toMatch(
      /waits for +blog is frozen .* deployhook unfreeze blog/,
    )
    const { out, bodies } = await ask(['show', '12'], answers('approval'))
    expect(out).toMatch(/waits for +deployhook approve 12/)
    expect(out).toMatch(/wanted by +carol: please/)
    expect(bodies).toHaveLength(1)
  })

  it('is told by deployments, with the command that ends it', async () => {
    const deployments = ['hold', 'freeze', 'approval', 'window'].map(waits)
    const { out } = await ask(['deployments'], { 'GET /api/deployments': json({ deployments, next: null }) })
    const ends = ['held: deployhook unhold blog', 'frozen: deployhook apps says by whom', 'deployhook approve 12']
    for (const end of [...ends, 'until a window of deploy.yml opens']) expect(out).toContain(`${end}\n`)
    expect(out).toMatch(/ push, carol /)
  })

  it('steers no terminal by what people wrote', async () => {
    const answer = { held: { ...held, by: hostile, reason: hostile }, app }
    const { out } = await ask(['hold', 'blog'], { 'POST /api/apps/blog/hold': json(answer) })
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/)
  })
})
