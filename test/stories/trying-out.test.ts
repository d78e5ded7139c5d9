import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { githubPush } from '../../demo/github.ts'
import { run, type Ran } from '../cli/world.ts'
import { createWorld, gate, secret } from '../support/world.ts'

describe('trying out a webhook', () => {
  it('send makes a real push of the host, whose deployment changes nothing once the app is live', async () => {
    const world = await createWorld({ blog: { repo: 'https://git.invalid/acme/blog.git', steps: ['true'] } })
    const ask = (...argv: readonly string[]): Promise<Ran> =>
      run(argv, { env: { DEPLOYHOOK_SOCKET: world.path('control.sock') }, clock: { now: () => new Date() } })

    const sent = await ask('send', '--webhook', 'github')
    expect(sent).toMatchObject({ code: 0, err: '' })
    expect(sent.out).toContain('202 accepted as delivery 1: the way is open\ndeployment 1 of blog is queued')
    await world.done(1)

    const twice = await ask('send', '--webhook', 'github', '--url', world.daemon.address, '--json')
    expect(JSON.parse(twice.out)).toMatchObject({ status: 202, answer: { deployments: [{ id: 2, app: 'blog' }] } })
    await world.done(2)

    expect(await ask('send', '--webhook', 'gitlab')).toMatchObject({
      code: 1,
      err: 'deployhook: No webhook of deploy.yml has this name; it has github.\n',
    })
    const overTcp = await world.daemon.api('/api/webhooks/github/sample', { method: 'POST' })
    expect(overTcp.status).toBe(200) // the helper asks on the control socket…
    const open = await fetch(`${world.daemon.address}/api/webhooks/github/sample`, { method: 'POST' })
    expect(open.status).toBe(401) // …and nobody else gets a signature.
  })

  it('simulate tells the plan, and keeps and runs nothing', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({
      blog: { steps: [build.step, { run: 'npm ci', env: { TOKEN: 'x' } }], env: { MODE: 'y' } },
      other: { branch: 'next', steps: ['true'] },
    })
    await world.start()
    const [running, queued] = [await world.ship({ f: '1' }), 2]
    await build.reached()
    await world.ship({ f: '2' })

    const { headers, body } = githubPush(
      { repository: 'acme/blog', ref: 'refs/heads/main', before: 'a'.repeat(40), after: 'b'.repeat(40) },
      secret,
    )
    await writeFile(world.path('push.json'), body)
    await writeFile(world.path('headers.json'), JSON.stringify(headers))
    const ask = (...argv: readonly string[]): Promise<Ran> =>
      run(['simulate', '--webhook', 'github', '--payload', world.path('push.json'), ...argv], {
        env: { DEPLOYHOOK_SOCKET: world.path('control.sock') },
      })

    const { out, code } = await ask('--headers', world.path('headers.json'), '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      verification: 'proven',
      result: 'accepted',
      plans: [
        {
          app: 'blog',
          requestedRevision: 'b'.repeat(40),
          steps: [{ env: ['MODE'] }, { name: 'npm ci', env: ['MODE', 'TOKEN'] }],
          supersedes: [queued],
          waitsFor: [running],
        },
      ],
      ignored: [{ app: 'other', reason: 'branch' }],
    })
    const told = (await ask()).out
    expect(told).toContain('This would deploy blog')
    expect(told).toContain('not checked, for no headers were given')
    expect(told).toContain('other would not be deployed: this is not a branch that it deploys')

    await writeFile(world.path('headers.json'), JSON.stringify({ ...headers, 'x-hub-signature-256': 'sha256=00' }))
    expect((await ask('--headers', world.path('headers.json'))).out).toContain('would be refused (malformed_header)')
    await writeFile(world.path('push.json'), '{"ref": 7}')
    expect(await ask()).toMatchObject({ code: 1, out: expect.stringContaining('malformed: ref: must be') as unknown })

    expect((await world.deployments()).map(({ id }) => id)).toEqual([2, 1])
    await build.open()
    await world.done(queued)
  })
})
