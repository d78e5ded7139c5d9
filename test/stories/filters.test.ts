import { describe, expect, it } from 'vitest'
import { run, type Ran } from '../cli/world.ts'
import { createWorld } from '../support/world.ts'

describe('an app that deploys tags', () => {
  it('deploys the pushed tag and no branch; the steps see which, and deploy takes it again', async () => {
    const world = await createWorld({ blog: { tags: ['v*'], steps: ['echo "$DEPLOYHOOK_REF" > ref.txt'] } })
    const pushed = await world.repository().push({ 'index.html': 'v1' })
    expect((await world.deliver(pushed)).body).toMatchObject({ result: 'ignored', reason: 'branch' })
    expect((await world.daemon.api('/api/apps/blog/deploy', { method: 'POST' })).status).toBe(409)

    await world.repository().git('tag', '-a', '-m', 'first', 'v1', pushed.after)
    await world.repository().git('push', '-q', 'origin', 'v1')
    expect((await world.deliver({ ...pushed, ref: 'refs/tags/v1' })).status).toBe(202)
    expect(await world.done(1)).toMatchObject({ outcome: 'succeeded', ref: 'refs/tags/v1', revision: pushed.after })
    expect(await world.read('srv/blog/ref.txt')).toBe('refs/tags/v1\n')

    expect((await world.daemon.api('/api/apps/blog/deploy', { method: 'POST' })).status).toBe(202)
    expect(await world.done(2)).toMatchObject({ outcome: 'succeeded', ref: 'refs/tags/v1', trigger: 'manual' })

    await world.repository().git('push', '-q', 'origin', ':refs/tags/v1')
    expect((await world.daemon.api('/api/deployments/2/retry', { method: 'POST' })).status).toBe(202)
    expect(await world.done(3)).toMatchObject({
      outcome: 'skipped',
      reason: 'branch_gone',
      message: expect.stringContaining('there is no tag v1 at') as string,
    })
  })
})

describe('an app that deploys branches by globs', () => {
  it('deploys the branch that was pushed, and no other', async () => {
    const world = await createWorld({ blog: { branches: ['main', 'release/*'], steps: ['true'] } })
    await world.repository().push({ 'index.html': 'main' })
    const release = await world.repository().push({ 'index.html': 'release' }, { branch: 'release/2' })
    await world.deliver(release)
    expect(await world.done(1)).toMatchObject({ outcome: 'succeeded', ref: 'refs/heads/release/2' })
    expect(await world.read('srv/blog/index.html')).toBe('release')

    const other = await world.repository().push({ 'index.html': 'other' }, { branch: 'topic' })
    expect((await world.deliver(other)).body).toMatchObject({ result: 'ignored', reason: 'branch' })
  })

  it('deploys by hand the branch that is named on the command line, if it is one of them', async () => {
    const world = await createWorld({ blog: { branches: ['main', 'release/*'], steps: ['true'] } })
    await world.repository().push({ 'index.html': 'main' })
    await world.repository().push({ 'index.html': 'release' }, { branch: 'release/2' })
    const deploy = (...argv: readonly string[]): Promise<Ran> =>
      run(['deploy', 'blog', ...argv], {
        env: { DEPLOYHOOK_SOCKET: world.path('control.sock') },
        clock: { now: () => new Date() },
      })

    expect(await deploy('--branch', 'release/2')).toMatchObject({ code: 0, err: '' })
    expect(await world.read('srv/blog/index.html')).toBe('release')
    expect(await deploy('--branch', 'topic')).toMatchObject({
      code: 1,
      err: 'deployhook: That is no ref that it deploys: branches main, release/*.\n',
    })
  })
})

describe('a push that touches only other paths', () => {
  it('ends as skipped, and the next one that touches ours deploys', async () => {
    const world = await createWorld({ shop: { paths: ['shop/**', '!**/*.md'], steps: ['true'] } })
    await world.done(await world.ship({ 'shop/a.txt': '1' }))
    const docs = await world.ship({ 'docs/b.txt': '1', 'shop/README.md': '1', 'odd\n"näme': '1' })
    expect(await world.done(docs)).toMatchObject({
      outcome: 'skipped',
      reason: 'paths',
      message: expect.stringMatching(
        /^3 files have changed, none below paths; \w{8} is live since deployment 1$/,
      ) as string,
    })
    expect(await world.done(await world.ship({ 'shop/a.txt': '2' }))).toMatchObject({ outcome: 'succeeded' })
    expect(await world.read('srv/shop/docs/b.txt')).toBe('1')
  })

  it('is deployed when the push before it touched ours and failed, and when a person asks', async () => {
    const world = await createWorld({ shop: { paths: ['shop/**'], steps: ['test ! -e shop/broken'] } })
    await world.done(await world.ship({ 'shop/a.txt': '1' }))
    expect(await world.done(await world.ship({ 'shop/broken': '1' }))).toMatchObject({ outcome: 'failed' })
    expect(await world.done(await world.ship({ 'docs/b.txt': '1' }))).toMatchObject({ outcome: 'failed' })
    expect((await world.daemon.api('/api/apps/shop/deploy', { method: 'POST' })).status).toBe(202)
    expect(await world.done(4)).toMatchObject({ outcome: 'failed', trigger: 'manual' })
  })
})

describe('a push that asks to be skipped', () => {
  it('is kept with its reason and deploys nothing', async () => {
    const world = await createWorld({ blog: { skip: ['[skip deploy]'], steps: ['true'] } })
    const pushed = await world.repository().push({ 'index.html': 'v1' })
    const answer = await world.deliver({ ...pushed, message: 'Typo [Skip Deploy]' })
    expect(answer).toMatchObject({ status: 200, body: { result: 'ignored', reason: 'skip' } })
    expect(await world.deployments()).toEqual([])
  })
})
