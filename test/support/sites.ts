import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import type { Deployment } from '../../src/model/deployment.ts'
import { freePort } from '../../src/runner/health/index.ts'
import { isAlive } from '../runner/running.ts'
import { caughtUp } from './caught-up.ts'
import { openWorld, type World, type WorldApp } from './open-world.ts'
import { until } from './until.ts'

const server = readFileSync(fileURLToPath(new URL('../fixtures/site/server.mjs', import.meta.url)), 'utf8')

/** How the health of a release is, see test/fixtures/site/server.mjs. */
export type Mood = 'well' | 'sick' | 'tired' | 'silent' | 'crashing' | 'well until the migration'

type Release = readonly [page: string, mood?: Mood, more?: Readonly<Record<string, string>>]

/** An app of releases, made live by a real HTTP server that goes on between deployments. */
export type Site = {
  readonly world: World
  /** A path of its own beside the releases. */
  path(name: string): string
  /** The files of a release. */
  files(...release: Release): Readonly<Record<string, string>>
  /** Pushes a release, and gives its deployment. */
  ship(...release: Release): Promise<number>
  /** The same, once that is done. */
  deploy(...release: Release): Promise<Deployment>
  /** What answers: the page, the process, and where `current` leads. */
  live(): Promise<{ readonly page: string; readonly pid: number; readonly release: string }>
  /** The pages that it answers with, asked all the time until that is over. */
  pagesDuring(work: Promise<unknown>): Promise<readonly string[]>
}

/** What deploy.yml says of a site; `check` is a health check that asks its server. */
export type SiteEntry = (given: { readonly check: object; readonly path: Site['path'] }) => Entry

type Entry = Readonly<Record<string, unknown>>

/** A world of sites, each with a repository of its own. Disposing ends their servers too. */
export type Sites<Name extends string> = AsyncDisposable & {
  readonly [name in Name]: Site
} & {
  readonly world: World
  /** Changes deploy.yml; the daemon sees it by itself. */
  change(name: Name, keys: Entry): Promise<void>
}

export async function openSites<Name extends string>(entries: Readonly<Record<Name, SiteEntry>>): Promise<Sites<Name>> {
  const world = await openWorld({}, { start: false })
  const names = Object.keys(entries) as Name[]
  const opened = await Promise.all(names.map((name) => openSite(name, entries[name], world)))
  const configure = (changed: Readonly<Record<string, Entry>> = {}): Promise<void> =>
    world.configure(Object.fromEntries(opened.map(({ name, entry }) => [name, { ...entry, ...changed[name] }])))
  await configure()
  await world.start()
  await caughtUp(world)
  const sites = Object.fromEntries(opened.map(({ name, site }) => [name, site])) as Record<Name, Site>
  return {
    ...sites,
    world,
    change: (name, keys) => configure({ [name]: keys }),
    async [Symbol.asyncDispose]() {
      await Promise.all(names.map((name) => endServer(sites[name])))
      await world[Symbol.asyncDispose]()
    },
  }
}

async function openSite(name: string, change: SiteEntry, world: World) {
  const path = (file: string): string => world.path('sites', name, file)
  await mkdir(path('.'), { recursive: true })
  const url = `http://127.0.0.1:${await freePort()}`
  const current = world.path('srv', name, 'current')
  const repository = `acme/${name}`
  const check = { http: `${url}/health`, retries: 1, interval: '50ms' }
  const entry: WorldApp = {
    repository,
    strategy: 'releases',
    steps: ['test ! -e broken'],
    activate: [startAnew({ path, current, port: new URL(url).port })],
    health: check,
    ...change({ check, path }),
  }
  const page = async (): Promise<string> => (await request(url)).body.text()
  const site: Site = {
    world,
    path,
    files: (title, mood = 'well', more = {}) => ({ page: title, mood, 'server.mjs': server, ...more }),
    ship: (...release) => world.ship(site.files(...release), repository),
    deploy: async (...release) => world.done(await site.ship(...release)),
    live: async () => ({
      page: await page(),
      pid: pidOf(site),
      release: (await readlink(current)).replace('releases/', ''),
    }),
    async pagesDuring(work) {
      const pages = new Set<string>()
      const over = new AbortController()
      const ended = work.finally(() => {
        over.abort()
      })
      do {
        pages.add(await page().catch(() => 'no answer'))
        await sleep(10)
      } while (!over.signal.aborted)
      await ended
      return [...pages]
    },
  }
  return { name, entry, site }
}

/** Ends the server that runs and starts that of the live release; done when it listens. */
function startAnew({ path, current, port }: Pick<Site, 'path'> & { readonly current: string; readonly port: string }) {
  const pid = path('pid')
  const lines = [
    `if [ -e ${pid} ]; then kill "$(cat ${pid})"; rm ${pid}; fi`,
    `${process.execPath} ${current}/server.mjs &`,
    `until [ -s ${pid} ]; do sleep 0.02; done`,
  ]
  return { run: lines.join('\n'), background: 'keep', timeout: '30s', env: { PORT: port, SITE: path('.') } }
}

function pidOf({ path }: Pick<Site, 'path'>): number {
  return Number(readFileSync(path('pid'), 'utf8'))
}

async function endServer(site: Site): Promise<void> {
  if (!existsSync(site.path('pid'))) return
  const pid = pidOf(site)
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  await until('a server to end', () => !isAlive(pid))
}
