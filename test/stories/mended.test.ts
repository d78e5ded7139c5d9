import { expect, it } from 'vitest'
import { run } from '../cli/world.ts'
import { createWorld } from '../support/world.ts'

it('a push that deploy.yml did not want is explained, and deploys by replay once deploy.yml is mended', async () => {
  const world = await createWorld({ blog: { branch: 'live', steps: ['true'] } })
  const ask = async (...argv: readonly string[]): Promise<string> => {
    const env = { DEPLOYHOOK_SOCKET: world.path('control.sock') }
    const { out, err, code } = await run(argv, { env, clock: { now: () => new Date() } })
    expect({ err, code }).toEqual({ err: '', code: 0 })
    return out
  }
  const pushed = await world.repository().push({ 'index.html': 'v1' })
  expect((await world.deliver(pushed)).body).toMatchObject({ result: 'ignored', reason: 'branch', delivery: 1 })
  const why = await ask('explain', '1')
  expect(why).toContain('blog deploys live, and this was a push to main')
  expect(why).toContain('set "branch:" of blog in deploy.yml. Then deployhook reload, and deployhook replay 1')

  await world.configure({ blog: { branch: 'main', steps: ['true'] } })
  await ask('reload')
  await ask('replay', '1')
  expect(await world.done(1)).toMatchObject({ outcome: 'succeeded', revision: pushed.after })
  expect(await world.read('srv/blog/index.html')).toBe('v1')

  const chain = await ask('explain', 'deployment', '1')
  expect(chain).toContain(`Delivery 2 asked for it: a push to main (${pushed.after.slice(0, 12)})`)
  expect(chain).toContain('It took the commit that was pushed')
  const replayed = await ask('explain', 'delivery', '2')
  expect(replayed).toContain('a person had delivery 1 judged again')
  expect(replayed).toContain('Deployment 1 of blog succeeded')
})
