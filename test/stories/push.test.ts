import { mkdir, rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createWorld, gate } from '../support/world.ts'

describe('a push to main', () => {
  it('becomes one deployment of exactly that commit, with its steps run in the tree', async () => {
    const world = await createWorld({
      blog: { steps: ['cp index.html built.html', 'git describe --always > version.txt'] },
    })
    const pushed = await world.repository().push({ 'index.html': 'first' })

    const answer = await world.deliver(pushed)
    expect(answer.status).toBe(202)
    expect(answer.body).toMatchObject({ result: 'accepted', deployments: [{ id: 1, app: 'blog' }], ignored: [] })

    expect(await world.done(1)).toMatchObject({
      app: 'blog',
      trigger: 'push',
      outcome: 'succeeded',
      requestedRevision: pushed.after,
      revision: pushed.after,
      ref: 'refs/heads/main',
      attempts: 1,
      supersededBy: null,
      steps: [
        { name: 'cp index.html built.html', attempt: 1, exitCode: 0, signal: null },
        { name: 'git describe --always > version.txt', attempt: 1, exitCode: 0, signal: null },
      ],
    })
    expect(await world.read('srv/blog/built.html')).toBe('first')
    expect(pushed.after.startsWith((await world.read('srv/blog/version.txt')).trim())).toBe(true)
  })

  it('replaces what the push before it made live, and leaves untracked files alone', async () => {
    const world = await createWorld({ blog: { steps: ['cp index.html built.html'] } })
    await world.done(await world.ship({ 'index.html': 'first' }))
    await world.done(await world.ship({ 'index.html': 'second' }))

    expect(await world.read('srv/blog/index.html')).toBe('second')
    expect(await world.read('srv/blog/built.html')).toBe('second')
    const { apps } = (await world.daemon.api('/api/apps')).body as { apps: { live: { deployment: number } }[] }
    expect(apps[0]?.live.deployment).toBe(2)
  })

  it('deploys the tip when the branch has moved on since, and records both commits', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    const older = await world.repository().push({ 'index.html': 'older' })
    const newer = await world.repository().push({ 'index.html': 'newer' })

    await world.deliver(older)
    expect(await world.done(1)).toMatchObject({ requestedRevision: older.after, revision: newer.after })
    expect(await world.read('srv/blog/index.html')).toBe('newer')
  })

  it('is not deployed again when its commit is live already', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    const older = await world.repository().push({ 'index.html': 'older' })
    const newer = await world.repository().push({ 'index.html': 'newer' })
    await world.deliver(newer)
    await world.done(1)

    await world.deliver(older)
    expect(await world.done(2)).toMatchObject({ outcome: 'skipped', reason: 'already_live', steps: [] })

    await rm(world.path('srv/blog'), { recursive: true })
    await world.deliver({ ...newer, message: 'another delivery, after somebody has removed the directory' })
    expect(await world.done(3)).toMatchObject({ outcome: 'succeeded' })
    expect(await world.read('srv/blog/index.html')).toBe('newer')
  })

  it('is deployed again although its commit is live when the entry in deploy.yml has changed', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    const pushed = await world.repository().push({ 'index.html': 'v1' })
    await world.deliver(pushed)
    await world.done(1)

    await world.configure({ blog: { steps: ['touch changed'] } })
    expect((await world.daemon.api('/api/reload', { method: 'POST' })).status).toBe(200)
    await world.deliver({ ...pushed, message: 'the same commit in another delivery' })
    expect(await world.done(2)).toMatchObject({ outcome: 'succeeded' })
    expect(await world.read('srv/blog/changed')).toBe('')
  })

  it('ends as skipped when its branch is gone by the time of the fetch', async () => {
    const world = await createWorld({ blog: { branch: 'gone', steps: ['touch ran'] } })
    const pushed = await world.repository().push({ 'index.html': 'v1' }, { branch: 'gone' })
    await world.repository().git('push', '-q', 'origin', ':refs/heads/gone')

    await world.deliver(pushed)
    expect(await world.done(1)).toMatchObject({ outcome: 'skipped', reason: 'branch_gone' })
    await expect(world.read('srv/blog/ran')).rejects.toThrow('ENOENT')
  })

  it('of a branch whose name is a shell command is deployed and runs nothing', async () => {
    const branch = 'x;touch${IFS}PWN;#'
    const world = await createWorld({
      blog: { branch, steps: ['printf %s "$DEPLOYHOOK_REF" > ref.txt', 'ls -R .. > listing.txt'] },
    })
    await world.deliver(await world.repository().push({ 'index.html': 'v1' }, { branch }))

    expect(await world.done(1)).toMatchObject({ outcome: 'succeeded', ref: `refs/heads/${branch}` })
    expect(await world.read('srv/blog/ref.txt')).toBe(`refs/heads/${branch}`)
    expect(await world.read('srv/blog/listing.txt')).not.toContain('PWN')
  })

  it('that fails after a good one leaves its files in the tree, and the answers say so', async () => {
    const world = await createWorld({ blog: { steps: ['test "$(cat index.html)" = good'] } })
    await world.done(await world.ship({ 'index.html': 'good' }))
    const failed = await world.done(await world.ship({ 'index.html': 'bad' }))

    const { facts } = (await world.daemon.api('/api/explain?subject=blog')).body as { facts: string[] }
    expect(facts.join('\n')).toContain(`are those of ${String(failed.revision).slice(0, 12)}, which did not succeed`)
    expect(await world.read('srv/blog/index.html')).toBe('bad')
  })

  it('ends as failed when a step fails, and the steps after it do not run', async () => {
    const world = await createWorld({ blog: { steps: ['true', 'exit 7', 'touch ran'] } })
    expect(await world.done(await world.ship({ 'index.html': 'v1' }))).toMatchObject({
      outcome: 'failed',
      reason: 'step_failed',
      steps: [{ exitCode: 0 }, { name: 'exit 7', exitCode: 7 }],
    })
    await expect(world.read('srv/blog/ran')).rejects.toThrow('ENOENT')
  })
})

describe('a delivery that deploys nothing', () => {
  it('is refused when forged, and nothing of it is kept', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    const pushed = await world.repository().push({ 'index.html': 'v1' })

    const answer = await world.deliver(pushed, { secret: 'another-secret-0123456789' })
    expect(answer).toMatchObject({ status: 401, body: { result: 'refused' } })
    const { deliveries, refused } = (await world.daemon.api('/api/deliveries')).body as {
      deliveries: unknown[]
      refused: { reason: string }[]
    }
    expect(deliveries).toEqual([])
    expect(refused).toMatchObject([{ reason: 'bad_signature' }])
    expect(await world.deployments()).toEqual([])
  })

  it('is a duplicate when sent again, by its id or by its body', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    const pushed = await world.repository().push({ 'index.html': 'v1' })
    await world.deliver(pushed, { id: 'one' })
    await world.done(1)

    const again = await world.deliver(pushed, { id: 'one' })
    expect(again).toMatchObject({ status: 200, body: { result: 'duplicate', duplicateOf: 1 } })
    expect(await world.deployments()).toHaveLength(1)
  })

  it('is a fresh try when sent again after its deployment has failed', async () => {
    const world = await createWorld({ blog: { steps: ['test -e ../../mended'] } })
    const pushed = await world.repository().push({ 'index.html': 'v1' })
    await world.deliver(pushed, { id: 'one' })
    expect(await world.done(1)).toMatchObject({ outcome: 'failed' })

    await mkdir(world.path('mended'))
    expect((await world.deliver(pushed, { id: 'one' })).status).toBe(202)
    expect(await world.done(2)).toMatchObject({ outcome: 'succeeded' })
  })

  it('is ignored, with the nearest reason, when nothing in the map wants it', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    const pushed = await world.repository().push({ 'index.html': 'v1' })
    const ignored = async (change: object): Promise<unknown> => (await world.deliver(pushed, change)).body

    expect(await ignored({ ref: 'refs/heads/feature' })).toMatchObject({
      result: 'ignored',
      reason: 'branch',
      ignored: [{ app: 'blog', reason: 'branch' }],
    })
    expect(await ignored({ ref: 'refs/tags/v1' })).toMatchObject({ result: 'ignored', reason: 'tag' })
    expect(await ignored({ after: '0'.repeat(40) })).toMatchObject({ result: 'ignored', reason: 'deleted' })
    expect(await ignored({ repository: 'acme/other' })).toMatchObject({
      result: 'ignored',
      reason: 'no_app',
      ignored: [],
    })
    expect(await world.deployments()).toEqual([])
  })
})

describe('pushes while one runs', () => {
  it('wait for it, and only the newest of them is deployed', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [build.step] } })
    await world.start()

    const first = await world.ship({ 'index.html': '1' })
    await build.reached()
    const second = await world.ship({ 'index.html': '2' })
    const third = await world.ship({ 'index.html': '3' })
    expect(await world.deployment(second)).toMatchObject({ state: 'done', outcome: 'superseded', supersededBy: third })
    expect(await world.deployment(third)).toMatchObject({ state: 'queued', waitingFor: 'turn' })

    await build.open()
    expect(await world.done(first)).toMatchObject({ outcome: 'succeeded' })
    expect(await world.done(third)).toMatchObject({ outcome: 'succeeded' })
    expect(await world.read('srv/blog/index.html')).toBe('3')
  })

  it('are one more deployment even when there are a thousand of them', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [build.step] } })
    await world.start()
    const first = await world.ship({ 'index.html': '1' })
    await build.reached()

    const pushed = await world.repository().push({ 'index.html': 'newest' })
    for (let sent = 0; sent < 1000; sent += 50) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => world.deliver({ ...pushed, message: `push ${sent + index}` })),
      )
      expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(202))
    }

    await build.open()
    await world.done(first)
    await world.done(1001)
    const others = (await Promise.all([501, 1001].map((before) => world.deployments(`&before=${before}`)))).flat()
    expect(others).toHaveLength(1000)
    expect(others.filter(({ attempts }) => attempts > 0).map(({ id }) => id)).toEqual([first])
    expect(await world.deployments('&state=queued')).toEqual([])
    expect(await world.deployment(1001)).toMatchObject({ outcome: 'succeeded', revision: pushed.after })
  })
})

describe('apps', () => {
  const exclusive = (lock: string): string => `mkdir ${lock} || exit 9; sleep 0.2; rmdir ${lock}`

  it('of one repository never run at the same time', async () => {
    const world = await createWorld({ a: { steps: ['true'] } }, { start: false })
    const lock = world.path('lock')
    await world.configure(
      { a: { steps: [exclusive(lock)] }, b: { steps: [exclusive(lock)] }, c: { steps: [exclusive(lock)] } },
      { max_running: 3 },
    )
    await world.start()

    await world.deliver(await world.repository().push({ 'index.html': '1' }))
    for (const id of [1, 2, 3]) expect(await world.done(id)).toMatchObject({ outcome: 'succeeded' })
  })

  it('of two repositories run side by side, up to server.max_running', async () => {
    const world = await createWorld({ a: { steps: ['true'] } }, { start: false })
    const gates = { a: gate(world, 'a'), b: gate(world, 'b'), c: gate(world, 'c') }
    await world.configure({
      a: { repository: 'acme/a', steps: [gates.a.step] },
      b: { repository: 'acme/b', steps: [gates.b.step] },
      c: { repository: 'acme/c', steps: [gates.c.step] },
    })
    await world.start()

    for (const name of ['a', 'b', 'c']) await world.ship({ f: name }, `acme/${name}`)
    await Promise.all([gates.a.reached(), gates.b.reached()])
    expect(await world.deployment(3)).toMatchObject({ state: 'queued', waitingFor: 'slot' })

    await gates.a.open()
    await gates.c.reached()
    expect(await world.deployment(2)).toMatchObject({ state: 'running' })
    await Promise.all([gates.b.open(), gates.c.open()])
    for (const id of [1, 2, 3]) await world.done(id)
  })

  it('that fail to be in one concurrency group by repository can be put into one by name', async () => {
    const world = await createWorld({ a: { steps: ['true'] } }, { start: false })
    const lock = world.path('lock')
    await world.configure({
      a: { repository: 'acme/a', concurrency_group: 'database', steps: [exclusive(lock)] },
      b: { repository: 'acme/b', concurrency_group: 'database', steps: [exclusive(lock)] },
    })
    await world.start()

    const ids = [await world.ship({ f: 'a' }, 'acme/a'), await world.ship({ f: 'b' }, 'acme/b')]
    for (const id of ids) expect(await world.done(id)).toMatchObject({ outcome: 'succeeded' })
  })
})
