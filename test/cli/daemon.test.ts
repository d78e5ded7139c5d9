import { describe, expect, it } from 'vitest'
import { createWorld, gate } from '../support/world.ts'
import { run, type Ran } from './world.ts'

describe('the commands against the real daemon', () => {
  it('deploy, follow, show, explain, retry and cancel what it does', async () => {
    const world = await createWorld({
      blog: { steps: ['echo "built for $DEPLOYHOOK_APP"'] },
      shop: { steps: ['exit 3'] },
    })
    const ask = (...argv: readonly string[]): Promise<Ran> =>
      run(argv, { env: { DEPLOYHOOK_SOCKET: world.path('control.sock') }, clock: { now: () => new Date() } })
    const pushed = await world.repository().push({ 'index.html': 'v1' })

    const deployed = await ask('deploy', 'blog')
    expect(deployed.err).toBe('')
    expect(deployed.out).toMatch(/^\d\d:\d\d:\d\d {3}built for blog$/m)
    expect(deployed.out).toContain(`${pushed.after.slice(0, 12)} is live\n`)
    expect(deployed.code).toBe(0)

    expect(await ask('deploy', 'shop')).toMatchObject({
      code: 1,
      out: expect.stringContaining('see: deployhook explain 2') as unknown,
    })
    expect(await ask('retry', '2', '--json')).toMatchObject({ code: 1 })
    expect(await ask('deploy', 'nothing')).toMatchObject({
      code: 1,
      err: 'deployhook: No app of deploy.yml has this name.\n',
    })

    expect((await world.deliver(pushed, { secret: 'not-the-secret-of-deploy.yml', id: 'forged-1' })).status).toBe(401)
    expect((await world.deliver(pushed, { ref: 'refs/heads/next' })).status).toBe(200)

    expect((await ask('apps')).out).toMatch(
      new RegExp(`^blog +main +${pushed.after.slice(0, 12)}, .* - +- +1 succeeded`, 'm'),
    )
    expect((await ask('deployments', '--app', 'shop')).out).toMatch(/^3 +shop +failed/m)
    expect((await ask('show', '2')).out).toMatch(/exit 3 +exit 3/)
    expect((await ask('logs', 'blog')).out).toMatch(/^\d\d:\d\d:\d\d {3}built for blog$/m)
    expect((await ask('logs', '-f', '1')).out).toContain('built for blog')
    expect((await ask('status')).out).toMatch(/^github +github +\/hooks\/github +1 ignored, .* 1$/m)
    expect((await ask('deliveries')).out).toMatch(/bad_signature +forged-1/)
    expect((await ask('explain', 'forged-1')).out).toContain('the secret in the form is not the one in deploy.yml')
    expect((await ask('explain', 'delivery', '1')).out).toContain('was a push to next')
    expect((await ask('explain', 'shop')).out).toContain('deployhook explain deployment 3')
    expect((await ask('explain')).out).toContain('Deliveries arrive and are believed')
    expect(await ask('reload')).toMatchObject({ code: 0, out: 'reloaded\n' })
    expect(await ask('cancel', '1')).toMatchObject({ code: 1, out: '' })
  })

  it('follow the successor of a deployment that was superseded in the queue', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const closed = gate(world, 'gate')
    await world.configure({ blog: { steps: [closed.step] } })
    await world.start()
    await world.ship({ 'index.html': 'v1' })
    await closed.reached()
    const env = { DEPLOYHOOK_SOCKET: world.path('control.sock') }

    const later: Promise<Ran>[] = []
    const onOutput = (text: string): void => {
      if (later.length > 0 || !text.includes('deployment 2 of blog: queued')) return
      later.push(run(['deploy', 'blog'], { env, onOutput: () => void closed.open() }))
    }
    const first = await run(['deploy', 'blog'], { env, onOutput })
    expect(first.err).toBe('deployment 2 of blog is superseded by 3: following that one\n')
    expect(first.out).toContain('deployment 3 of blog succeeded')
    expect(first.code).toBe(0)
    expect(await Promise.all(later)).toMatchObject([{ code: 0 }])
  })
})
