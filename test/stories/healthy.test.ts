import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Deployment } from '../../src/model/deployment.ts'
import { githubPush } from '../../demo/github.ts'
import type { AppView } from '../../src/cli/api.ts'
import type { Pushed } from '../support/repository.ts'
import { openSites, type Site, type SiteEntry, type Sites } from '../support/sites.ts'
import { until } from '../support/until.ts'
import { gate, secret } from '../support/world.ts'

const entries = {
  blog: ({ path }) => ({
    steps: [`test ! -e broken || exit 1; test ! -e slow || { ${build({ path }).step}; }`],
    bake: '300ms',
  }),
  shop: ({ check, path }) => ({
    before_switch: [`[ ! -e migration ] || touch ${path('migrated')}`],
    health: { ...check, timeout: '1s', retries: 2 },
  }),
  docs: ({ check }) => ({
    preview: `${process.execPath} server.mjs`,
    health: [{ ...check, http: 'http://127.0.0.1:{port}/health', preview: true, retries: 600 }, check],
  }),
  wiki: () => ({ catch_up: '1h' }),
  news: () => ({ activate: undefined, health: undefined, windows: [minutesOf(monthsFromNow(6))] }),
} as const satisfies Record<string, SiteEntry>

let sites: Sites<keyof typeof entries>

beforeAll(async () => {
  sites = await openSites(entries)
  const { blog, shop, docs, wiki } = sites
  const first = [blog, docs, wiki].map((site) => site.deploy('one'))
  for (const deployment of await Promise.all([...first, shop.deploy('one', 'well until the migration')]))
    expect(deployment).toMatchObject({ outcome: 'succeeded' })
})
afterAll(() => sites[Symbol.asyncDispose]())

describe('a site that is deployed as releases', () => {
  it('answers with what was pushed', async () => {
    const { blog } = sites
    const { page, pid } = await blog.live()
    expect(page).toBe('one')
    const second = await blog.deploy('two')
    expect(second).toMatchObject({ outcome: 'succeeded' })
    expect(second.message).toMatch(/^main at \S+ is live in \S+\/current/)
    expect(second.steps.map(({ phase }) => phase)).toEqual(['build', 'activate', 'health'])
    const after = await blog.live()
    expect(after).toMatchObject({ page: 'two', release: second.release })
    expect(after.pid).not.toBe(pid)
  })

  it('goes on answering, by the same process, when a push does not build', async () => {
    const { blog } = sites
    const before = await blog.live()
    const push = blog.deploy('broken', 'well', { broken: '' })
    expect(await blog.pagesDuring(push)).toEqual([before.page])
    expect(await push).toMatchObject({ outcome: 'failed', reason: 'step_failed', release: null })
    expect(await blog.live()).toEqual(before)
    await blog.world.repository('acme/blog').git('rm', '-q', 'broken')
  })

  it('answers as before when a push is sick at once, and both stories are told', async () => {
    const { blog } = sites
    const { page, release } = await blog.live()
    const push = await blog.deploy('sick', 'sick')
    expect(push).toMatchObject({ outcome: 'rolled_back', reason: 'unhealthy' })
    expect(push.message).toMatch(
      new RegExp(`/health answered 500 where 200-299 is wanted \\(2 tries\\); rolled back: release ${release} is live`),
    )
    expect(await blog.live()).toMatchObject({ page, release })
  })

  it('answers as before when a push turns sick within the bake time', async () => {
    const { blog } = sites
    const { page, release } = await blog.live()
    const push = await blog.deploy('tired', 'tired')
    expect(push).toMatchObject({ outcome: 'rolled_back', reason: 'unhealthy' })
    expect(push.message).toMatch(/was well, and failed .* into the bake time: it answered 500 .*; rolled back/)
    expect(await blog.live()).toMatchObject({ page, release })
  })

  it('answers as before when the health check of a push gets no answer', async () => {
    const { shop } = sites
    const { page, release } = await shop.live()
    const push = await shop.deploy('silent', 'silent')
    expect(push).toMatchObject({ outcome: 'rolled_back', reason: 'unhealthy' })
    expect(push.message).toMatch(/gave no full answer within 1s \(3 tries\); rolled back/)
    expect(await shop.live()).toMatchObject({ page, release })
  })

  it('says where `current` leads when what it went back to is sick by now', async () => {
    const { shop } = sites
    const { page, release } = await shop.live()
    const push = await shop.deploy('migrated', 'sick', { migration: '' })
    expect(push).toMatchObject({ outcome: 'failed', reason: 'rollback_failed' })
    expect(push.message).toMatch(
      new RegExp(`answered 500 .*; and going back failed too: .* answered 500 .*current leads to ${release}$`),
    )
    expect(await shop.live()).toMatchObject({ page, release })
  })

  it('never has a push live that its preview shows to be sick', async () => {
    const { docs } = sites
    const before = await docs.live()
    const push = docs.deploy('crashing', 'crashing')
    expect(await docs.pagesDuring(push)).toEqual(['one'])
    expect(await push).toMatchObject({ outcome: 'failed', reason: 'preview_failed', release: null })
    expect(await docs.live()).toEqual(before)
  })

  it('stays where a person went back to, whatever was under way and whatever is pushed meanwhile', async () => {
    const { blog, world } = sites
    const { page, release } = await blog.live()
    expect(await blog.deploy('next')).toMatchObject({ outcome: 'succeeded' })
    const underWay = await blog.ship('slow', 'well', { slow: '' })
    await build(blog).reached()
    const queued = await blog.ship('queued')
    const back = await asked('/api/apps/blog/rollback')
    const later = await blog.ship('later')
    expect(await world.deployment(queued)).toMatchObject({ outcome: 'superseded', supersededBy: back })
    expect(await world.deployment(later)).toMatchObject({ state: 'queued', waitingFor: 'hold' })

    await build(blog).open()
    expect(await world.done(underWay)).toMatchObject({ outcome: 'succeeded' })
    expect(await world.done(back)).toMatchObject({ outcome: 'succeeded', release })
    expect(await blog.live()).toMatchObject({ page, release })
    expect(await world.deployment(later)).toMatchObject({ state: 'queued', waitingFor: 'hold' })
    await world.daemon.api('/api/apps/blog/unhold', { method: 'POST', body: {} })
    expect(await world.done(later)).toMatchObject({ outcome: 'succeeded' })
    expect(await blog.live()).toMatchObject({ page: 'later' })
  })

  it('is spared what was rolled back by catch-up and by redeliveries, and takes the next push', async () => {
    const { wiki, world } = sites
    const { page, release } = await wiki.live()
    const sick = await world.repository('acme/wiki').push(wiki.files('sick', 'sick'))
    const deliver = async (id: string): Promise<Told> =>
      (await world.deliver(sick, { repository: 'acme/wiki', id })).body
    const [deployment = { id: 0 }] = (await deliver('first')).deployments ?? []
    expect(await world.done(deployment.id)).toMatchObject({ outcome: 'rolled_back' })

    await catchUp('wiki')
    await catchUp('wiki')
    expect(await deliver('first')).toMatchObject({ result: 'duplicate' })
    expect(await world.deployments('&app=wiki')).toHaveLength(2)
    expect(await simulated(sick, 'acme/wiki')).toMatchObject({
      plans: [{ app: 'wiki', skip: { reason: 'quarantined' } }],
    })
    const [again = { id: 0 }] = (await deliver('sent once more, as new')).deployments ?? []
    expect(await world.done(again.id)).toMatchObject({ outcome: 'skipped', reason: 'quarantined' })
    expect(await wiki.live()).toMatchObject({ page, release })
    expect(await wiki.deploy('next')).toMatchObject({ outcome: 'succeeded' })
    expect(await wiki.live()).toMatchObject({ page: 'next' })
  })

  it('takes pushes in its windows only, and what a person asks for at any time', async () => {
    const { news, world } = sites
    const first = await news.ship('one')
    expect(await world.deployment(first)).toMatchObject({ state: 'queued', waitingFor: 'window' })
    expect(await world.done(await asked('/api/apps/news/deploy'))).toMatchObject({ outcome: 'succeeded' })
    expect(await world.deployment(first)).toMatchObject({ outcome: 'superseded', startedAt: null })

    const second = await news.ship('two')
    expect(await world.deployment(second)).toMatchObject({ state: 'queued', waitingFor: 'window' })
    await sites.change('news', { windows: [minutesOf(monthsFromNow(0), monthsFromNow(1))] })
    expect(await world.done(second)).toMatchObject({ outcome: 'succeeded' })
  })
})

/** Where the build of a release with a file `slow` waits. */
function build({ path }: Pick<Site, 'path'>): ReturnType<typeof gate> {
  return gate({ path }, 'build')
}

type Told = { readonly result: string; readonly deployments?: readonly { readonly id: number }[] }

/** The deployment that a person asks for. */
async function asked(path: string): Promise<number> {
  const { body } = await sites.world.daemon.api(path, { method: 'POST', body: { by: 'alice' } })
  return (body as { deployment: Deployment }).deployment.id
}

async function simulated(pushed: Pushed, repository: string): Promise<unknown> {
  const { body } = githubPush({ repository, ...pushed }, secret)
  const asking = { webhook: 'github', headers: {}, payload: body.toString('base64') }
  return (await sites.world.daemon.api('/api/simulate', { method: 'POST', body: asking })).body
}

/** Has catch-up ask the repository of an app. It does so again only when it has made of the last answer what it would. */
async function catchUp(app: string): Promise<void> {
  const { daemon } = sites.world
  const before = new Date().toISOString()
  await daemon.api(`/api/apps/${app}/unhold`, { method: 'POST', body: {} })
  await until('catch-up to have asked', async () => {
    const { apps } = (await daemon.api('/api/apps')).body as { apps: readonly AppView[] }
    return (apps.find(({ name }) => name === app)?.catchUp.answeredAt ?? '') > before
  })
}

/** A window of every minute of these months. */
function minutesOf(...months: readonly number[]): string {
  return `* * * ${months.join(',')} *`
}

function monthsFromNow(count: number): number {
  return ((new Date().getUTCMonth() + count) % 12) + 1
}
