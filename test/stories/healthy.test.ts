import { readdir, readlink } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createSite, type Site } from '../support/site.ts'
import { until } from '../support/until.ts'

/** The name of the release that is live. */
async function live({ world }: Site): Promise<string> {
  return (await readlink(world.path('srv/blog/current'))).replace('releases/', '')
}

describe('a site that is deployed as releases', () => {
  it('answers with what was pushed, and then with what was pushed after that', async () => {
    const site = await createSite()
    expect(await site.deploy('one')).toMatchObject({ outcome: 'succeeded' })
    expect(await site.page()).toBe('one')
    const second = await site.deploy('two')
    expect(second).toMatchObject({ outcome: 'succeeded', release: await live(site) })
    expect(await site.page()).toBe('two')
    expect(second.steps.map(({ phase }) => phase)).toEqual(['build', 'activate', 'health'])
  })

  it('goes on answering, by the same process, when a push does not build', async () => {
    const site = await createSite()
    const { release } = await site.deploy('one')
    const pid = site.pid()
    const failing = site.deploy('two', 'well', { broken: '' })
    expect(await site.pagesDuring(failing)).toEqual(['one'])
    expect(await failing).toMatchObject({ outcome: 'failed', reason: 'step_failed', release: null })
    expect([await live(site), site.pid()]).toEqual([release, pid])
  })

  it('answers as before when a push is sick at once, and both stories are told', async () => {
    const site = await createSite()
    const { release } = await site.deploy('one')
    const sick = await site.deploy('two', 'sick')
    expect(sick).toMatchObject({ outcome: 'rolled_back', reason: 'unhealthy' })
    expect(sick.message).toMatch(
      new RegExp(`/health answered 500 where 200-299 is wanted \\(2 tries\\); rolled back: release ${release} is live`),
    )
    expect([await live(site), await site.page()]).toEqual([release, 'one'])
  })

  it('answers as before when a push turns sick within the bake time', async () => {
    const site = await createSite(() => ({ bake: '1s' }))
    const { release } = await site.deploy('one')
    const sick = await site.deploy('two', 'tired')
    expect(sick).toMatchObject({ outcome: 'rolled_back', reason: 'unhealthy' })
    expect(sick.message).toMatch(/was well, and failed .* into the bake time: it answered 500 .*; rolled back/)
    expect([await live(site), await site.page()]).toEqual([release, 'one'])
  })

  it('answers as before when the health check of a push gets no answer', async () => {
    const site = await createSite(({ check }) => ({ health: { ...check, timeout: '400ms' }, bake: '0s' }))
    const { release } = await site.deploy('one')
    const hanging = await site.deploy('two', 'silent')
    expect(hanging).toMatchObject({ outcome: 'rolled_back', reason: 'unhealthy' })
    expect(hanging.message).toMatch(/gave no full answer within 400ms \(2 tries\); rolled back/)
    expect([await live(site), await site.page()]).toEqual([release, 'one'])
  })

  it('says where `current` leads when what it went back to is sick by now', async () => {
    const site = await createSite(({ world }) => ({
      before_switch: [`[ ! -e migration ] || touch ${world.path('site/migrated')}`],
    }))
    const { release } = await site.deploy('one', 'well until the migration')
    const failed = await site.deploy('two', 'sick', { migration: '' })
    expect(failed).toMatchObject({ outcome: 'failed', reason: 'rollback_failed' })
    expect(failed.message).toMatch(
      new RegExp(`answered 500 .*; and going back failed too: .* answered 500 .*current leads to ${release}$`),
    )
    expect([await live(site), await site.page()]).toEqual([release, 'one'])
  })

  it('never has a push live that its preview shows to be sick', async () => {
    const site = await createSite(({ check }) => ({
      preview: `${process.execPath} server.mjs`,
      health: [{ ...check, http: 'http://127.0.0.1:{port}/health', preview: true, retries: 600 }, check],
    }))
    const { release } = await site.deploy('one')
    const pid = site.pid()
    const sick = site.deploy('two', 'crashing')
    expect(await site.pagesDuring(sick)).toEqual(['one'])
    expect(await sick).toMatchObject({ outcome: 'failed', reason: 'preview_failed', release: null })
    expect([await live(site), site.pid()]).toEqual([release, pid])
  })
})
