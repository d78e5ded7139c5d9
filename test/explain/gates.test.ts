import { describe, expect, it } from 'vitest'
import { createExplain } from '../../src/explain.ts'
import { parseCron } from '../../src/lib/cron.ts'
import { everyApp } from '../../src/model/gate.ts'
import type { App } from '../../src/model/deploy-map.ts'
import { createRefusals, createStrays } from '../../src/store/index.ts'
import { at, enqueue, openTestStore, revision, runNext } from '../store/support.ts'
import { createApp, createMap } from '../support/map.ts'

const by = { by: 'ann', reason: 'the sale', at: at(0) }

describe('explain', () => {
  it.each([
    [
      { until: at(3600) },
      'deployments of every app are frozen until 2026-01-02 04:04 UTC, as ann asked 1 min ago, because: the sale',
    ],
    [{ until: null }, 'deployments of every app are frozen, as ann asked 1 min ago, because: the sale'],
  ])('tells of a freeze of every app, and what ends it: %j', async ({ until }, sentence) => {
    const { store, explain } = await world()
    await enqueue(store, 'blog')
    await store.freeze(everyApp, { ...by, until })

    expect(await explain('deployment:1')).toMatchObject({
      headline: `Deployment 1 of blog waits: ${sentence}`,
      next: ['End the freeze: deployhook unfreeze --all', 'End it: deployhook cancel 1'],
    })
    const app = await explain('app:blog')
    expect(app.facts).toContain(`Nothing of it is started: ${sentence}.`)
    expect(app.next).toContain('End the freeze: deployhook unfreeze --all')
    const all = await explain(null)
    expect(all.facts).toContain(`Nothing of any app is started: ${sentence}.`)
    expect(all.next).toContain('End the freeze: deployhook unfreeze --all')
  })

  it('tells of a hold, at what, by whom and why, and what ends it', async () => {
    const { store, explain } = await world()
    await enqueue(store, 'blog')
    await runNext(store, 'succeeded', { release: '20260101-120000-bbbbbbbbbbbb' })
    await store.hold('blog', { ...by, until: 'next_push' })
    await enqueue(store, 'blog')

    const sentence =
      'the app is held at 20260101-120000-bbbbbbbbbbbb (deployment 1), until the next push, as ann asked 1 min ago, because: the sale'
    const unhold = 'End the hold of blog: deployhook unhold blog'
    expect(await explain('deployment:2')).toMatchObject({
      headline: `Deployment 2 of blog waits: ${sentence}`,
      next: [unhold, 'End it: deployhook cancel 2'],
    })
    expect((await explain('app:blog')).next).toContain(unhold)
    expect((await explain(null)).facts).toContain(`Pushes to blog wait: ${sentence}.`)
  })

  it('tells of an approval that is missing, and who gave it', async () => {
    const { store, explain } = await world({ approve: true })
    await enqueue(store, 'blog')
    expect(await explain('deployment:1')).toMatchObject({
      headline: 'Deployment 1 of blog waits: somebody has to approve it',
      next: ['Approve it: deployhook approve 1', 'End it: deployhook cancel 1'],
    })
    await store.approve(1, { by: 'bob', at: at(0) })
    expect((await explain('deployment:1')).facts).toContain('It was approved by bob 1 min ago.')
  })

  it('tells of a window that is shut, and when it opens', async () => {
    const window = parseCron('* 9-16 * * *', 'UTC')
    if ('problem' in window) throw new Error(window.problem)
    const { store, explain } = await world({ windows: [window] })
    await enqueue(store, 'blog')
    expect(await explain('deployment:1')).toMatchObject({
      headline: 'Deployment 1 of blog waits: its window has not opened yet; it opens at 2026-01-02 09:00 UTC',
      next: ['Deploy the newest now, outside of the windows: deployhook deploy blog', 'End it: deployhook cancel 1'],
    })
  })

  it('tells of what is in quarantine, and how to deploy it all the same', async () => {
    const { store, explain } = await world()
    await enqueue(store, 'blog')
    await runNext(store, 'rolled_back', { revision: revision('c') })
    await enqueue(store, 'blog')
    await runNext(store, 'skipped', { reason: 'quarantined', revision: revision('c') })

    expect((await explain('app:blog')).facts).toContain(
      'In quarantine, and not deployed again by itself: cccccccccccc (rolled back, the last by deployment 1, 58 s ago).',
    )
    expect((await explain('deployment:2')).next).toEqual([
      'Push a newer commit, or deploy this one all the same: deployhook deploy blog --force',
    ])
  })

  it('tells who asked for a rollback, and why', async () => {
    const { store, explain } = await world()
    const back = { app: 'blog', trigger: 'rollback', ref: 'refs/heads/main', requestedRevision: revision('a') } as const
    await store.enqueue({ ...back, adopt: false, askedBy: 'ann', note: 'prices are wrong', at: at(0) })
    expect((await explain('deployment:1')).facts).toContain('It was asked for by ann, because: prices are wrong.')
  })
})

async function world(change: Partial<Omit<App, 'repo' | 'name'>> = {}) {
  const { store } = await openTestStore()
  const ask = createExplain({
    store,
    map: () => createMap([createApp('blog', change)]),
    realPath: (path) => path,
    refusals: createRefusals(),
    strays: createStrays(),
    config: () => ({ file: 'deploy.yml', loadedAt: at(0), problems: [] }),
    diskProblems: () => Promise.resolve([]),
    catchUp: () => ({ everyMs: 0, answeredAt: null, failing: null, isFailing: false }),
    clock: { now: () => at(60) },
  })
  return { store, explain: async (subject: string | null) => (await ask(subject)) ?? expect.fail('nothing is known') }
}
