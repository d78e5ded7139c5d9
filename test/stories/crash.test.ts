import { randomUUID } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createWorld, gate, processesOf } from '../support/world.ts'

/** Every stage at which the daemon can be made to die, in the order in which a push reaches them. */
const stages = [
  'after-verify',
  'before-commit',
  'in-commit',
  'after-commit',
  'after-answer',
  'claimed',
  'before-fetch',
  'after-fetch',
  'before-checkout',
  'in-checkout',
  'after-checkout',
  'before-steps',
  'in-step',
  'between-steps',
  'after-steps',
  'before-recording',
] as const

describe('kill -9', () => {
  it('is tried at every stage that the source names', () => {
    const src = fileURLToPath(new URL('../../src', import.meta.url))
    const named = globSync('**/*.ts', { cwd: src }).flatMap((file) =>
      [...readFileSync(`${src}/${file}`, 'utf8').matchAll(/failPoint\('([a-z-]+)'\)/g)].map(([, stage]) => stage),
    )
    expect([...new Set(named)].sort()).toEqual([...stages, 'in-migration'].sort()) // that one is the store's own test
  })

  it.each(stages)(
    '%s: the push is live once after the restart, and nothing is doubled, lost or left running',
    async (stage) => {
      const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
      const lock = world.path('lock')
      // The witness is the step itself: it fails while an earlier one of its kind is still alive, whoever started that.
      // A zombie is not: whoever is process 1 here may take its time to reap the orphans.
      const other = `/proc/"$(cat ${lock} 2> /dev/null || echo none)"/stat`
      const alone = `! grep -qsv ') Z ' ${other} || exit 9; echo $$ > ${lock}; echo alone; sleep 0.2`
      await world.configure({ blog: { steps: [alone, 'cp index.html built.html'] } })
      await world.start()
      await world.done(await world.ship({ 'index.html': 'before' }))
      world.daemon.kill('SIGTERM')
      await world.daemon.ended

      const dying = await world.start({ DEPLOYHOOK_FAILPOINT: stage })
      const pushed = await world.repository().push({ 'index.html': 'after' })
      const id = randomUUID()
      const answer = await world.deliver(pushed, { id }).catch(() => null)
      expect(await dying.ended).toBe('SIGKILL')

      await world.start()
      const kept = (await world.deployments()).length === 2
      if (answer !== null) expect(kept, 'an acknowledged push').toBe(true)
      if (!kept) expect((await world.deliver(pushed, { id })).status).toBe(202)

      const done = await world.done(2)
      expect(done, done.message ?? '').toMatchObject({ outcome: 'succeeded', revision: pushed.after })
      expect(await world.read('srv/blog/built.html')).toBe('after')
      expect(await world.read('srv/blog/index.html')).toBe('after')
      expect((await world.deliver(pushed, { id })).body).toMatchObject({ result: 'duplicate' })
      expect((await world.deployments()).map(({ state }) => state)).toEqual(['done', 'done'])
      expect(processesOf(world.dir)).toEqual([])
    },
  )

  it('leaves no process of the interrupted step, however it tried to get away', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [`setsid sleep 1001 & nohup sleep 1002 & ${build.step}`] } })
    const daemon = await world.start()
    const id = await world.ship({ f: '1' })
    await build.reached()
    daemon.kill('SIGKILL')
    await daemon.ended
    expect(processesOf(world.dir).length).toBeGreaterThanOrEqual(3)

    await build.open()
    await world.start()
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 2 })
    expect((await world.daemon.api(`/api/deployments/${id}/log`)).text).toContain('attempt 2: the one before it')
    expect(processesOf(world.dir)).toEqual([])
  })

  it('twice during the same deployment parks it as poison, and the next push is deployed', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({ blog: { steps: ['echo going'] } })
    const first = await world.start({ DEPLOYHOOK_FAILPOINT: 'in-step' })
    const pushed = await world.repository().push({ f: '1' })
    await world.deliver(pushed)
    await first.ended
    const second = world.start({ DEPLOYHOOK_FAILPOINT: 'in-step' })
    await second.then((daemon) => daemon.ended).catch(() => undefined) // it may die before it has said where it listens

    await world.start()
    expect(await world.done(1)).toMatchObject({ outcome: 'failed', reason: 'poison', attempts: 2 })
    expect(await world.done(await world.ship({ f: '2' }))).toMatchObject({ outcome: 'succeeded' })
  })

  it('during a deployment that a newer push is queued behind ends it as superseded by that one', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [build.step] } })
    const daemon = await world.start()
    const first = await world.ship({ f: '1' })
    await build.reached()
    const second = await world.ship({ f: '2' })
    daemon.kill('SIGKILL')
    await daemon.ended

    await build.open()
    await world.start()
    expect(await world.done(first)).toMatchObject({ outcome: 'superseded', supersededBy: second })
    expect(await world.done(second)).toMatchObject({ outcome: 'succeeded' })
  })
})
