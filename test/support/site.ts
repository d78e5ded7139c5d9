import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { onTestFinished } from 'vitest'
import type { Deployment } from '../../src/model/deployment.ts'
import { freePort } from '../../src/runner/health/index.ts'
import { until } from './until.ts'
import { createWorld, type World, type WorldApp } from './world.ts'

const server = fileURLToPath(new URL('../fixtures/site/server.mjs', import.meta.url))

/** How the health of a release is, see test/fixtures/site/server.mjs. */
export type Mood = 'well' | 'sick' | 'tired' | 'silent' | 'crashing' | 'well until the migration'

type Release = readonly [page: string, mood?: Mood, more?: Readonly<Record<string, string>>]

/** A world whose app `blog` is a real HTTP server that goes on between its deployments. */
export type Site = {
  readonly world: World
  /** Of deploy.yml, for a change of it. */
  readonly app: WorldApp
  /** The files of a release. */
  files(...release: Release): Readonly<Record<string, string>>
  /** Pushes a release, and gives its deployment once that is done. */
  deploy(...release: Release): Promise<Deployment>
  /** What it answers. */
  page(): Promise<string>
  /** The process that answers. */
  pid(): number
  /** The pages that it answers with until that is over, asked without a pause. */
  pagesDuring(work: Promise<unknown>): Promise<readonly string[]>
}

/** `change` is of its entry in deploy.yml; `check` is a health check that asks the server. */
export async function createSite(
  change: (given: { readonly check: object; readonly world: World }) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<Site> {
  const world = await createWorld({}, { start: false })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const check = { http: `${url}/health`, retries: 1, interval: '50ms' }
  const app: WorldApp = {
    strategy: 'releases',
    steps: ['test ! -e broken'],
    activate: [startAnew(world, port)],
    health: check,
    bake: '100ms',
    ...change({ check, world }),
  }
  await mkdir(world.path('site'))
  await world.configure({ blog: app })
  await world.start()
  onTestFinished(() => end(world))
  const files: Site['files'] = (page, mood = 'well', more = {}) => ({
    ...{ page, mood, 'server.mjs': readFileSync(server, 'utf8') },
    ...more,
  })
  const page = async (): Promise<string> => (await request(url)).body.text()

  return {
    world,
    app,
    files,
    deploy: async (...release) => world.done(await world.ship(files(...release))),
    page,
    pid: () => pidOf(world),
    async pagesDuring(work) {
      const pages = new Set<string>()
      let isOver = false
      const over = work.finally(() => (isOver = true))
      do pages.add(await page().catch(() => 'no answer'))
      while (!isOver)
      await over
      return [...pages]
    },
  }
}

/** Ends the server that runs and starts that of the live release; done when it listens. */
function startAnew(world: World, port: number): object {
  const pid = world.path('site', 'pid')
  const lines = [
    `[ ! -e ${pid} ] || kill "$(cat ${pid})"`,
    `rm -f ${pid}`,
    `${process.execPath} ${world.path('srv/blog/current/server.mjs')} &`,
    `until [ -s ${pid} ]; do sleep 0.02; done`,
  ]
  const env = { PORT: String(port), SITE: world.path('site') }
  return { run: lines.join('\n'), background: 'keep', timeout: '30s', env }
}

function pidOf(world: World): number {
  return Number(readFileSync(world.path('site', 'pid'), 'utf8'))
}

async function end(world: World): Promise<void> {
  if (!existsSync(world.path('site', 'pid'))) return
  const pid = pidOf(world)
  process.kill(pid, 'SIGKILL')
  await until('the server to end', async () => {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
    return stat === '' || /\) [ZX] /.test(stat)
  })
}
