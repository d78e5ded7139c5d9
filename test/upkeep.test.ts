import { expect, it, onTestFinished } from 'vitest'
import type { App } from '../src/model/deploy-map.ts'
import type { Mirror, Tended } from '../src/runner/mirrors.ts'
import type { Queued } from '../src/store/store.ts'
import { createUpkeep } from '../src/upkeep.ts'
import { createApp, createMap } from './support/map.ts'
import { until } from './support/until.ts'

const blog = createApp('blog')
const shop = createApp('shop', { repo: 'https://github.com/acme/shop.git' })
const mirrorOf = (...apps: readonly App[]): Mirror => ({ directory: `/state/${apps[0]?.name ?? 'nobody'}.git`, apps })

function createStarted({
  running = [],
  tended = () => ({ kind: 'no_need' }),
  full = false,
}: {
  readonly running?: readonly (readonly [app: string, group: string])[]
  readonly tended?: (mirror: Mirror) => Tended
  readonly full?: boolean
}) {
  const stop = new AbortController()
  onTestFinished(() => {
    stop.abort()
  })
  const told: string[] = []
  const logged: object[] = []
  let rounds = 0
  const log = (fields: object, text: string): void => void logged.push({ ...fields, text })
  const upkeep = createUpkeep({
    store: {
      stateId: 'state',
      queue: () =>
        Promise.resolve(
          running.map(([app, concurrencyGroup]) => ({ app, concurrencyGroup, state: 'running' }) as Queued),
        ),
      deployments: () => Promise.resolve([]),
    },
    mirrors: {
      list: () => Promise.resolve((rounds++, [mirrorOf(blog), mirrorOf(shop), mirrorOf()])),
      tend(mirror, { mayFillDisk, cookie }) {
        told.push(`${mirror.directory} ${cookie}${mayFillDisk ? '' : ' disk full'}`)
        return Promise.resolve(tended(mirror))
      },
    },
    map: () => createMap([blog, shop]),
    diskProblems: () => Promise.resolve(full ? ['the disk is full'] : []),
    random: () => 0,
    log: { debug: log, info: log, warn: log, error: log },
    signal: stop.signal,
    everyMs: 3_600_000,
    soonMs: 5,
  })
  upkeep.start()
  return { told, logged, rounds: () => rounds, upkeep, stop }
}

it('looks after all mirrors, one after the other, each under a cookie of its own', async () => {
  const { told, upkeep } = createStarted({})
  await until('all mirrors', () => told.length === 3)
  await upkeep.settled()
  expect(told).toEqual([
    '/state/blog.git state.upkeep.1',
    '/state/shop.git state.upkeep.2',
    '/state/nobody.git state.upkeep.3',
  ])
})

it('leaves those alone that something is deployed from, and comes back soon', async () => {
  const { told, rounds } = createStarted({
    running: [
      ['another', blog.concurrencyGroup],
      ['blog', 'x'],
    ],
  })
  const known = createStarted({ running: [['blog', blog.concurrencyGroup]] })
  await until('another round', () => rounds() > 1 && known.rounds() > 1)
  expect(told).toEqual([]) // `another` has left the map: nobody knows what it deploys from
  expect(known.told.filter((line) => line.startsWith('/state/blog.git'))).toEqual([])
  expect(known.told).not.toEqual([])
})

it('comes back soon when it had to give way', async () => {
  const answers: Tended[] = [{ kind: 'gave_way' }]
  const { told } = createStarted({ tended: () => answers.shift() ?? { kind: 'no_need' } })
  await until('the second round', () => told.length === 6)
})

it('says that the disk is short of room', async () => {
  const { told } = createStarted({ full: true })
  await until('a mirror', () => told.length > 0)
  expect(told[0]).toBe('/state/blog.git state.upkeep.1 disk full')
})

it('logs one line for each mirror that something was done to, none for the others', async () => {
  const facts = { apps: new Set(['blog']), borrowers: new Set<string>(), unusedMs: null, leftovers: [], hasRoom: true }
  const { logged, told, upkeep } = createStarted({
    tended: ({ apps }) =>
      apps[0] === blog
        ? {
            kind: 'tended',
            chores: ['sort_refs', 'repack'],
            before: { ...facts, packs: [1, 1, 1], looseObjects: 9, refs: ['a', 'b'] },
            after: { ...facts, packs: [12], looseObjects: 0, refs: ['b', 'c'] },
          }
        : { kind: 'no_need' },
  })
  await until('all mirrors', () => told.length === 3)
  await upkeep.settled()
  expect(logged).toEqual([
    {
      ...{ repository: 'github.com/acme/blog', mirror: '/state/blog.git', ms: expect.any(Number) as number },
      ...{ chores: ['sort_refs', 'repack'], packs: [3, 1], looseObjects: [9, 0], refsRemoved: 1 },
      text: 'a mirror was looked after',
    },
  ])
})

it('ends with the daemon', async () => {
  const { told, upkeep, stop } = createStarted({
    tended: () => {
      stop.abort()
      return { kind: 'gave_way' }
    },
  })
  await until('a mirror', () => told.length > 0)
  await upkeep.settled()
  expect(told).toHaveLength(1)
})
