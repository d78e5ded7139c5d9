import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRepository } from '../support/repository.ts'
import { hostile, json, refuse, run, startDaemon, temporaryDirectory, type Answer } from './world.ts'

const findings = [
  { check: 'config', level: 'ok', where: '/etc/deployhook/deploy.yml', what: 'is right', cure: null },
  {
    check: 'files',
    level: 'warning',
    where: '/srv',
    what: 'group 7 can put something else there',
    cure: 'chmod g-w /srv',
  },
]
const bad = { check: 'disk', level: 'problem', where: 'disk', what: 'is full: make room', cure: null }

const forEver = () => new Promise<never>(() => undefined)

const status = { 'GET /api/status': json({ version: '1.2.3' }) }

async function doctor(answer: Answer, argv: readonly string[] = [], more: Readonly<Record<string, Answer>> = status) {
  const daemon = await startDaemon({ 'POST /api/doctor': answer, ...more })
  const ran = await run(['doctor', ...argv, '--socket', daemon.socket], { sleep: forEver })
  return { ...ran, asked: daemon.asked, socket: daemon.socket }
}

describe('doctor', () => {
  it('tells each finding of the daemon in a line with its cure, and is content with warnings', async () => {
    expect(await doctor(json({ findings }))).toMatchObject({
      code: 0,
      err: '',
      out: [
        'ok       /etc/deployhook/deploy.yml: is right',
        'warning  /srv: group 7 can put something else there → chmod g-w /srv',
        '',
        '0 problems, 1 warning',
        '',
      ].join('\n'),
    })
  })

  it('exits 1 with a problem', async () => {
    const { code, out } = await doctor(json({ findings: [...findings, bad] }))
    expect(code).toBe(1)
    expect(out).toContain('problem  disk: is full: make room\n\n1 problem, 1 warning\n')
  })

  it('prints what was found as JSON, with the same exit code', async () => {
    const { code, out } = await doctor(json({ findings: [bad] }), ['--json'])
    expect([code, JSON.parse(out)]).toEqual([1, { findings: [bad] }])
  })

  it('tells the daemon where apps are reached', async () => {
    const { asked } = await doctor(json({ findings }), [
      '--url',
      'blog=https://blog.example.com',
      '--url',
      'shop=http://shop.example.com:81/x',
    ])
    const { body } = asked.find(({ url }) => url === '/api/doctor') ?? { body: '' }
    expect(JSON.parse(body)).toEqual({
      urls: { blog: 'https://blog.example.com', shop: 'http://shop.example.com:81/x' },
    })
  })

  it.each([
    'blog',
    'blog=',
    'blog=blog.example.com',
    'blog=file:///etc',
    '=https://blog.example.com',
    'Blog=https://blog.example.com',
  ])('does not take --url %s', async (url) => {
    const { code, err } = await run(['doctor', '--url', url])
    expect(code).toBe(2)
    expect(err).toContain('Write it like blog=https://blog.example.com.')
  })

  it('tells when the daemon that runs is not the version that is installed', async () => {
    const { code, out } = await doctor(json({ findings }), [], { 'GET /api/status': json({ version: '1.0.0' }) })
    expect(code).toBe(0)
    expect(out).toContain('warning  daemon: is version 1.0.0, and this command is 1.2.3 → systemctl restart deployhook')
  })

  it('tells what the daemon refuses', async () => {
    const busy = refuse(409, { code: 'conflict', message: 'A doctor is at work already: wait half a minute.' })
    expect(await doctor(busy)).toMatchObject({
      code: 1,
      out: '',
      err: 'deployhook: A doctor is at work already: wait half a minute.\n',
    })
  })

  it('tells to restart a daemon of another version that does not know the question', async () => {
    const older = refuse(404, { code: 'not_found', message: 'There is nothing here.' })
    const { code, err } = await doctor(older, [], { 'GET /api/status': json({ version: '1.0.0' }) })
    expect([code, err]).toEqual([
      1,
      'deployhook: There is nothing here.\nthe daemon is version 1.0.0, and this command is 1.2.3: systemctl restart deployhook\n',
    ])
  })

  it('does not wait for ever for a daemon that does not answer', async () => {
    const { socket } = await startDaemon({ 'POST /api/doctor': () => undefined, ...status })
    const waits: number[] = []
    const sleep = (ms: number) => Promise.resolve(waits.push(ms))
    const { code, out, err } = await run(['doctor', '--socket', socket], { sleep })
    expect([code, out, waits]).toEqual([1, '', [60_000]])
    expect(err).toContain('takes the question and does not answer within 60 s')
  })

  it('lets nothing that was found steer the terminal', async () => {
    const { out } = await doctor(json({ findings: [{ ...bad, where: hostile, what: hostile, cure: hostile }] }))
    expect(out).not.toMatch(/[\u001b\u009b\u202e\u0007]/)
    expect(out.split('\n')).toHaveLength(4)
  })
})

describe('doctor without a daemon', () => {
  async function alone(change: { readonly branch?: string; readonly text?: string } = {}) {
    const directory = await temporaryDirectory()
    const repository = await createRepository(join(directory, 'blog.git'), join(directory, 'clone'))
    await repository.push({ f: '1' })
    const map = {
      webhooks: { github: { secret: { env: 'SECRET' } } },
      apps: { blog: { repo: repository.bare, path: join(directory, 'srv', 'blog'), branch: change.branch ?? 'main' } },
      server: { allow_root_steps: true },
    }
    await writeFile(join(directory, 'deploy.yml'), change.text ?? JSON.stringify(map), { mode: 0o600 })
    await mkdir(join(directory, 'state'), { mode: 0o700 })
    const env = {
      PATH: process.env['PATH'],
      HOME: directory,
      SECRET: 'a-secret-for-tests-0123456789',
      DEPLOYHOOK_STATE: join(directory, 'state'),
      DEPLOYHOOK_SOCKET: join(directory, 'state', 'control.sock'),
    }
    const uid = process.getuid?.() ?? 0
    const before = await readdir(tmpdir())
    const ran = await run(['doctor', '--json'], { cwd: directory, env, uid, clock: { now: () => new Date() } })
    const left = (await readdir(tmpdir())).filter(
      (name) => name.startsWith('deployhook-doctor-') && !before.includes(name),
    )
    const found = ran.out === '' ? [] : (JSON.parse(ran.out) as { findings: (typeof bad)[] }).findings
    return { ...ran, directory, left, of: (check: string) => found.filter((one) => one.check === check) }
  }

  it('says so, looks at what it can as whoever asks, and leaves nothing behind', async () => {
    const { code, of, directory, left } = await alone()
    expect(code).toBe(1)
    expect(of('daemon')).toEqual([
      {
        check: 'daemon',
        level: 'problem',
        where: 'daemon',
        what: `does not run, so nothing is received or deployed (${directory}/state/control.sock: there is no such socket); what follows was looked at as ${userInfo().username}, and what only the daemon knows is left out`,
        cure: 'systemctl start deployhook, or deployhook serve; with another socket: --socket PATH',
      },
    ])
    expect(of('config')).toMatchObject([{ level: 'ok', where: `${directory}/deploy.yml` }])
    expect(of('git')).toMatchObject([{ level: 'ok', what: '1 of 1 repositories answer' }])
    expect(of('disk').length).toBeGreaterThan(0)
    expect(of('public_url')).toMatchObject([{ level: 'warning' }])
    expect(left).toEqual([])
  })

  it('finds the branch that is not there', async () => {
    expect((await alone({ branch: 'production' })).of('git')).toContainEqual(
      expect.objectContaining({ level: 'problem', what: 'answers, and has no branch production' }),
    )
  })

  it('tells the problems of a broken deploy.yml, and looks at the rest', async () => {
    const { code, of } = await alone({ text: 'apps: 7\n' })
    expect(code).toBe(1)
    expect(of('config')).toMatchObject([{ level: 'problem' }])
    expect(of('versions').length).toBeGreaterThan(2)
  })

  it('needs a deploy.yml', async () => {
    const directory = await temporaryDirectory()
    const { code, err } = await run(['doctor', '--config', join(directory, 'no.yml'), '--socket', '/nowhere'], {
      cwd: directory,
      env: { HOME: directory },
    })
    expect([code, err]).toEqual([1, ''])
    const { err: none } = await run(['doctor', '--socket', '/nowhere'], { cwd: directory, env: { HOME: directory } })
    expect(none).toContain('there is no deploy.yml')
  })
})
