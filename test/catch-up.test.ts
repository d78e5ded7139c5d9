import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createCatchUp, type CatchUpDeps } from '../src/catch-up.ts'
import { Secret } from '../src/lib/secret.ts'
import type { App } from '../src/model/deploy-map.ts'
import { globOf } from '../src/model/glob.ts'
import type { Listed } from '../src/runner/workspace.ts'
import { enqueue, openTestStore, runNext, silentLog } from './store/support.ts'
import { createApp, createMap, revision } from './support/map.ts'

const minute = 60_000
const main = 'refs/heads/main'

const inRepository = (name: string, change: Partial<Omit<App, 'repo' | 'name'>> = {}): App =>
  createApp(name, { repo: `https://github.com/acme/${name}.git`, ...change })
const refs = (tips: Readonly<Record<string, string>>): Listed => ({
  kind: 'refs',
  tips: new Map(Object.entries(tips).map(([ref, digit]) => [ref, revision(digit)])),
})
const unreachable: Listed = { kind: 'failed', reason: 'network', message: 'The host cannot be reached.' }

/** Catch-up over a real store; `answer` stands for the remotes. Time passes only by `pass`. */
async function createWorld(
  apps: App[],
  answer: (app: App) => Listed | Promise<Listed>,
  change: Partial<CatchUpDeps> = {},
) {
  const { store } = await openTestStore()
  const asked: string[] = []
  const queued: string[] = []
  const stop = new AbortController()
  const catchUp = createCatchUp({
    store,
    workspace: {
      listRefs(app) {
        asked.push(app.name)
        return Promise.resolve(answer(app))
      },
    },
    async found(app, { ref, tip }) {
      queued.push(`${app.name} ${ref} ${tip[0] ?? ''}`)
      return store.enqueueFound({
        ...{ app: app.name, trigger: 'catch-up', ref, requestedRevision: tip, adopt: false, at: new Date() },
      })
    },
    map: () => createMap(apps),
    clock: { now: () => new Date(0) },
    monotonic: () => performance.now(),
    random: () => 0,
    log: silentLog,
    signal: stop.signal,
    ...change,
  })
  onTestFinished(async () => {
    stop.abort()
    await catchUp.settled()
  })
  return {
    ...{ store, catchUp, asked, queued, stop },
    /** What is done by then is done. */
    pass: async (ms: number): Promise<void> => {
      await vi.advanceTimersByTimeAsync(ms)
      for (let turn = 0; turn < 20; turn += 1) {
        await catchUp.settled()
        await setImmediate()
      }
    },
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('catch-up', () => {
  it('asks every remote at the start and at its interval, and queues what is behind once', async () => {
    const apps = [
      inRepository('blog'),
      inRepository('docs', { catchUpMs: 10 * minute }),
      inRepository('off', { catchUpMs: 0 }),
    ]
    const { catchUp, asked, queued, pass } = await createWorld(apps, () => refs({ [main]: 'a' }))
    catchUp.start()
    await pass(0)
    expect(asked).toEqual(['blog', 'docs'])
    expect(queued).toEqual([`blog ${main} a`, `docs ${main} a`])
    await pass(5 * minute)
    await pass(5 * minute)
    expect(asked).toEqual(['blog', 'docs', 'blog', 'blog', 'docs'])
    expect(queued).toHaveLength(2)
  })

  it('queues nothing of an app that is held or frozen, and what is behind once it is not any more', async () => {
    const apps = [inRepository('held'), inRepository('frozen'), inRepository('blog')]
    const { store, catchUp, queued, pass } = await createWorld(apps, () => refs({ [main]: 'a' }))
    const how = { by: null, reason: null, at: new Date(0) }
    await store.hold('held', how)
    await store.freeze('frozen', { ...how, until: null })
    catchUp.start()
    await pass(0)
    expect(queued).toEqual([`blog ${main} a`])
    await store.unhold('held')
    await store.unfreeze('frozen')
    catchUp.wake()
    await pass(0)
    expect(queued.slice(1)).toEqual([`held ${main} a`, `frozen ${main} a`])
  })

  it('never queues a commit that somebody went back from', async () => {
    let tip = 'b'
    const { store, catchUp, queued, pass } = await createWorld([inRepository('blog')], () => refs({ [main]: tip }))
    for (const digit of ['a', 'b']) {
      await enqueue(store, 'blog')
      await runNext(store, 'succeeded', { revision: revision(digit) })
    }
    const back = { app: 'blog', trigger: 'rollback', ref: main, requestedRevision: revision('a') } as const
    await store.enqueue({ ...back, adopt: false, at: new Date(0) })
    await runNext(store, 'succeeded', { revision: revision('a') })
    catchUp.start()
    await pass(0)
    expect(queued).toEqual([])
    tip = 'c'
    catchUp.wake()
    await pass(0)
    expect(queued).toEqual([`blog ${main} c`])
  })

  it('asks earlier by chance, by up to a fifth, and never later', async () => {
    const { catchUp, asked, pass } = await createWorld([inRepository('blog')], () => refs({}), { random: () => 1 })
    catchUp.start()
    await pass(0)
    await pass(4 * minute - 1)
    expect(asked).toHaveLength(1)
    await pass(1)
    expect(asked).toHaveLength(2)
  })

  it('asks once for all apps of a repository, and once more for each other way to get at it', async () => {
    const token = (text: string) => ({ sshKey: null, knownHosts: null, token: new Secret(text), username: 'git' })
    const repo = 'https://github.com/acme/blog.git'
    const apps = [
      createApp('one', { repo }),
      createApp('two', { repo: 'https://github.com/acme/blog', branch: 'next' }),
      createApp('three', { repo, git: token('a') }),
      createApp('four', { repo, git: token('a') }),
      createApp('five', { repo, git: token('b') }),
      createApp('six', { repo: 'git@github.com:acme/blog.git' }),
    ]
    const { catchUp, asked, queued, pass } = await createWorld(apps, () =>
      refs({ [main]: 'a', 'refs/heads/next': 'b' }),
    )
    catchUp.start()
    await pass(0)
    expect(asked.sort()).toEqual(['five', 'one', 'six', 'three'])
    expect(queued.sort()).toEqual(
      ['one', 'three', 'four', 'five', 'six']
        .map((name) => `${name} ${main} a`)
        .concat('two refs/heads/next b')
        .sort(),
    )
  })

  it('asks again when the map has changed, by the map as it is then', async () => {
    const apps = [inRepository('blog')]
    const { catchUp, asked, pass } = await createWorld(apps, () => refs({}))
    catchUp.wake()
    expect(asked).toEqual([])
    catchUp.start()
    await pass(0)
    apps.splice(0, 1, inRepository('docs'))
    catchUp.wake()
    await pass(0)
    await pass(5 * minute)
    expect(asked).toEqual(['blog', 'docs', 'docs'])
  })

  it('asks a few at a time, so that a slow one holds up nobody else, and ends with the signal', async () => {
    const slow = Promise.withResolvers<Listed>()
    const apps = ['slow', 'b', 'c', 'd'].map((name) => inRepository(name))
    const answer = (app: App): Listed | Promise<Listed> => (app.name === 'slow' ? slow.promise : refs({}))
    const { catchUp, asked, stop } = await createWorld(apps, answer, { atOnce: 2 })
    catchUp.start()
    expect(asked).toEqual([])
    await vi.waitFor(() => {
      expect(asked).toEqual(['slow', 'b', 'c', 'd'])
    })
    stop.abort()
    slow.resolve({ kind: 'stopped', why: 'interrupted' })
    await catchUp.settled()
    await vi.advanceTimersByTimeAsync(60 * minute)
    expect(asked).toHaveLength(4)
  })

  it('asks one host only so many questions at a time, so that one that hangs leaves room for the others', async () => {
    const hanging = Promise.withResolvers<Listed>()
    const apps = ['a', 'b', 'c', 'd'].map((name) => inRepository(name))
    apps.push(createApp('other', { repo: 'https://gitlab.com/acme/other.git' }))
    const answer = (app: App): Listed | Promise<Listed> => (app.name === 'other' ? refs({}) : hanging.promise)
    const { catchUp, asked, stop } = await createWorld(apps, answer, { atOnce: 3, perHost: 2 })
    catchUp.start()
    await vi.waitFor(() => {
      expect(asked).toEqual(['a', 'b', 'other'])
    })
    stop.abort()
    hanging.resolve({ kind: 'stopped', why: 'interrupted' })
  })

  it('leaves a host that cannot be reached in peace, longer each time, and asks others meanwhile', async () => {
    let isDown = true
    const apps = [inRepository('blog'), createApp('other', { repo: 'https://gitlab.com/acme/other.git' })]
    const { catchUp, asked, queued, pass } = await createWorld(apps, ({ name }) =>
      name === 'blog' && isDown ? unreachable : refs({ [main]: 'a' }),
    )
    catchUp.start()
    await pass(0)
    expect(apps.map((app) => catchUp.state(app).isFailing)).toEqual([false, false])
    await pass(5 * minute) // 5 min after the first failure, then 10, then 15 at most
    expect(catchUp.state(inRepository('blog'))).toMatchObject({
      isFailing: true,
      failing: { times: 2, reason: 'network' },
    })
    await pass(9 * minute)
    expect(asked.filter((name) => name === 'blog')).toHaveLength(2)
    expect(asked.filter((name) => name === 'other')).toHaveLength(3)
    isDown = false
    await pass(minute)
    expect(catchUp.state(inRepository('blog'))).toMatchObject({ isFailing: false, failing: null })
    expect(queued).toEqual([`other ${main} a`, `blog ${main} a`])
  })

  it('spares a host all its repositories when it cannot be reached, and only the one that is not there otherwise', async () => {
    let failure = unreachable
    const apps = [inRepository('blog', { catchUpMs: 10_000 }), inRepository('docs', { catchUpMs: 10_000 })]
    const { catchUp, asked, pass } = await createWorld(apps, ({ name }) => (name === 'blog' ? failure : refs({})), {
      atOnce: 1,
    })
    catchUp.start()
    await pass(0)
    expect(asked).toEqual(['blog'])
    failure = { kind: 'failed', reason: 'not_found', message: 'It is not there.' }
    await pass(10_000)
    expect(asked).toEqual(['blog', 'blog', 'docs'])
  })

  it('leaves refs that were there at first sight, and takes up a tag that came since, also over a restart', async () => {
    const app = inRepository('blog', { branch: null, tags: [globOf('v*')] })
    let tips: Record<string, string> = { 'refs/tags/v1': 'a', 'refs/tags/v2': 'b' }
    const { catchUp, queued, pass, store } = await createWorld([app], () => refs(tips))
    catchUp.start()
    await pass(0)
    expect(queued).toEqual([])
    tips = { ...tips, 'refs/tags/v3': 'c', 'refs/heads/main': 'd' }
    await pass(5 * minute)
    await pass(5 * minute)
    expect(queued).toEqual(['blog refs/tags/v3 c'])
    const filter = JSON.stringify(['github.com/acme/blog', [], ['v*']])
    expect((await store.seenRefs('blog', filter))?.tips.size).toBe(3)
    expect(await store.seenRefs('blog', 'another')).toBeNull()
  })

  it('goes on when the store fails, at the next interval', async () => {
    const broken = { live: () => Promise.reject(new Error('busy')) }
    const { store } = await openTestStore()
    const { catchUp, asked, pass } = await createWorld([inRepository('blog')], () => refs({ [main]: 'a' }), {
      store: { ...store, ...broken },
    })
    catchUp.start()
    await pass(0)
    await pass(5 * minute)
    expect(asked).toEqual(['blog', 'blog'])
  })
})
