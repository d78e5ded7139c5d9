import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { controlStages, releaseStages, soakStages, stages } from '../soak/stages.ts'
import { createWorld, gate, processesOf } from '../support/world.ts'

describe('kill -9', () => {
  it('is tried at every stage that the source names', () => {
    const src = fileURLToPath(new URL('../../src', import.meta.url))
    const named = globSync('**/*.ts', { cwd: src }).flatMap((file) =>
      [
        ...readFileSync(`${src}/${file}`, 'utf8').matchAll(
          /failPoint\((?:[^()]* \? )?'([a-z-]+)'(?: : '([a-z-]+)')?\)/g,
        ),
      ].flatMap(([, ...found]) => found.filter(Boolean)),
    )
    expect([...new Set(named)].sort()).toEqual([...new Set([...stages, ...releaseStages, 'in-migration'])].sort()) // that one is the store's own test
  })

  it('at each of them, twice: the push is live once, and nothing is doubled, lost, half done, left running or untold', async () => {
    expect(await soakStages(2)).toEqual([])
  }, 600_000)

  it('is seen when the next start settles nothing, a push is lost, a report is lost, or half a release is live', async () => {
    expect(await controlStages()).toEqual({
      unsettled: [expect.stringContaining('is still running')],
      forgotten: [expect.stringContaining('an acknowledged push was lost')],
      untold: expect.arrayContaining([expect.stringContaining('and nobody was told')]) as unknown,
      halved: [expect.stringContaining('dead, it left')],
    })
  }, 600_000)

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
