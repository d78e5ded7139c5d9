import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { World } from '../support/open-world.ts'
import type { Pushed } from '../support/repository.ts'
import { answerOf, expect, faults, pushOf, send, type Fault, type Scene } from './steady-faults.ts'
import { createWitness, missingFrom, type Acknowledged } from './witness.ts'

export const repositories = ['acme/blog', 'acme/shop', 'acme/wiki'] as const

/** By name; two are of one repository, so that they must take turns. */
const apps = { blog: 'acme/blog', 'blog-preview': 'acme/blog', shop: 'acme/shop', wiki: 'acme/wiki' } as const

/** What a step does, as the file `mood` of its commit says. */
export const moods = {
  calm: 'sleep 0.8',
  failing: 'exit 3',
  forking: 'setsid sleep 300 & sleep 300 &',
  loud: `head -c 1000000 /dev/zero | tr '\\0' x | fold -w 100`,
  hanging: 'sleep 300',
  deaf: `trap '' TERM; sleep 300`,
} as const

export type Mood = keyof typeof moods

/** Kinds of reports: whatever is not superseded, which is most. */
const told = ['failed', 'recovered', 'succeeded', 'cancelled', 'skipped']

/** So many acknowledged deliveries are looked for while nothing can have forgotten them, however late the pushes are. */
const lookEvery = 150
/** Before the deliveries that were not looked for yet, as many again. */
const overlap = 100

/** What happens to a world under load, and what of it must be true for ever. */
export type Stage = {
  /** What did not hold; each a sentence. */
  readonly problems: string[]
  readonly acknowledged: readonly Acknowledged[]
  readonly answeredMs: readonly number[]
  readonly struck: Readonly<Partial<Record<Fault, number>>>
  readonly configure: (version: number) => Promise<void>
  /** Pushes a commit of that mood and delivers it. */
  push(repository: string, mood: Mood): Promise<void>
  /** Without waiting for it; what it throws is a problem. */
  readonly begin: (what: string, work: () => Promise<void>) => void
  strike(fault: Fault, chance: { readonly repository: string; readonly dice: number }): void
  /** Waits for all that was begun, then lets nobody be told of anything any more. */
  quieten(): Promise<void>
  /** Of what was acknowledged since the last time, and some of before, that which the database does not know. */
  missing(): readonly string[]
  readonly overlaps: () => readonly string[]
  /** What must be live of each app. */
  tips(): ReadonlyMap<string, string>
}

export function createStage(
  world: World,
  { receiver, maxHistory }: { readonly receiver: string; readonly maxHistory: number },
): Stage {
  const reporters = {
    // Nobody listens there.
    dead: {
      kind: 'webhook',
      url: 'http://127.0.0.1:1/',
      allow_private: true,
      secret: { file: world.path('reports.secret') },
    },
    odd: { kind: 'webhook', url: receiver, allow_private: true, secret: { file: world.path('reports.secret') } },
    program: { kind: 'command', run: ['sh', '-c', 'cat > /dev/null; exit $((DEPLOYHOOK_DEPLOYMENT % 3))'] },
  }
  const moodOf = Object.entries(moods).map(([mood, does]) => `${mood}) ${does};;`)
  const witness = createWitness(world.path(), { meanwhile: ['case "$(cat mood)" in', ...moodOf, 'esac'].join('\n') })
  writeFileSync(world.path('reports.secret'), `whsec_${randomBytes(32).toString('base64')}`, { mode: 0o600 })
  const underWay = new Set<Promise<void>>()
  const turns = new Map<string, Promise<void>>()
  const newest = new Map<string, Pushed>()
  const problems: string[] = []
  const acknowledged: Acknowledged[] = []
  const answeredMs: number[] = []
  const struck: Partial<Record<Fault, number>> = {}
  let written: Written | null = null
  let pushes = 0
  let looked = 0

  const scene: Scene = {
    world,
    newest: (repository) => newest.get(repository) ?? never(repository),
    recent: (back) => acknowledged.at(-1 - Math.min(back, acknowledged.length - 1))?.deployments[0] ?? 0,
    inTurn,
    configure,
    acknowledge(id, answer) {
      expect([202], answer)
      const { deployments } = JSON.parse(answer.text) as { readonly deployments: readonly { readonly id: number }[] }
      acknowledged.push({ id, deployments: deployments.map((deployment) => deployment.id) })
      if (acknowledged.length - looked >= lookEvery) problems.push(...missing())
    },
  }

  return {
    problems,
    acknowledged,
    answeredMs,
    struck,
    configure,
    begin,

    push: (repository, mood) =>
      inTurn(repository, async () => {
        const pushed = await commit(repository, { mood, now: String(++pushes) })
        newest.set(repository, pushed)
        const push = pushOf(pushed, repository)
        const startedAt = performance.now()
        scene.acknowledge(push.id, await answerOf(send(world, push)))
        answeredMs.push(performance.now() - startedAt)
      }),

    strike(fault, chance) {
      struck[fault] = (struck[fault] ?? 0) + 1
      const strike: (given: Scene, how: typeof chance) => Promise<void> = faults[fault]
      begin(fault, () => strike(scene, chance))
    },

    async quieten() {
      while (underWay.size > 0) await Promise.all(underWay)
      await configure(null)
      expect([200], await world.daemon.api('/api/reload', { method: 'POST', body: {} }))
    },

    missing,
    overlaps: witness.overlaps,
    tips: () => new Map(Object.entries(apps).map(([app, repository]) => [app, scene.newest(repository).after])),
  }

  function missing(): readonly string[] {
    const from = Math.max(0, looked - overlap)
    looked = acknowledged.length
    const gone = missingFrom(world, acknowledged.slice(from))
    return gone.map((id) => `delivery ${id} was acknowledged and is not there`)
  }

  /** With few commands, five times a second: only the first is made by all the care of the test world. */
  async function commit(repository: string, files: { readonly mood: Mood; readonly now: string }): Promise<Pushed> {
    const made = world.repository(repository)
    const last = newest.get(repository)
    if (last === undefined) return made.push(files)
    for (const [name, content] of Object.entries(files)) await writeFile(`${made.clone}/${name}`, content)
    await made.git('commit', '-qam', last.message)
    await made.git('push', '-q', 'origin', 'HEAD:refs/heads/main')
    return { ...last, before: last.after, after: await made.git('rev-parse', 'HEAD') }
  }

  function begin(what: string, work: () => Promise<void>): void {
    const done = work()
      .catch((error: unknown) => {
        problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      })
      .finally(() => underWay.delete(done))
    underWay.add(done)
  }

  function inTurn(what: string, work: () => Promise<void>): Promise<void> {
    const mine = (turns.get(what) ?? Promise.resolve()).then(work)
    turns.set(
      what,
      mine.catch(() => undefined),
    )
    return mine
  }

  /** Each version has other environments, and every second one an app more; null: the one that tells nobody. */
  async function configure(version: number | null): Promise<void> {
    const env = { VERSION: String(version) }
    const notify = version === null ? [] : [...Object.keys(reporters).map((reporter) => ({ reporter, on: told }))]
    const common = { steps: [{ name: 'witness', run: witness.step, timeout: '2s' }], catch_up: '30s', env, notify }
    const map = await base(common)
    const fleeting = { ...map.apps['wiki'], ...common, path: world.path('srv', 'fleeting') }
    const changed = {
      ...map,
      apps: Object.fromEntries<object>([
        ...Object.entries(map.apps).map(([name, app]) => [name, { ...app, ...common }] as const),
        ...(version !== null && version % 2 === 1 ? [['fleeting', fleeting] as const] : []),
      ]),
      ...(version === null ? {} : { reporters }),
    }
    // Moved into place, for the daemon watches.
    await writeFile(world.path('deploy.new'), JSON.stringify(changed), { mode: 0o600 })
    await rename(world.path('deploy.new'), world.path('deploy.yml'))
  }

  /** As the world writes it, which makes the repositories, too. */
  async function base(common: { readonly steps: readonly unknown[] }): Promise<Written> {
    if (written === null) {
      const entries = Object.entries(apps).map(([name, repository]) => [name, { ...common, repository }] as const)
      await world.configure(Object.fromEntries(entries), { max_history: maxHistory, keep_deliveries: '1m' })
      written = JSON.parse(await world.read('deploy.yml')) as Written
    }
    return written
  }
}

type Written = { readonly apps: Readonly<Record<string, object>> }

function never(repository: string): never {
  throw new Error(`nothing was pushed to ${repository} yet`)
}

/** Who is told of deployments: it answers well or badly, hangs or hangs up, in turn. */
export async function openReceiver(): Promise<{ readonly url: string; readonly server: Server } & AsyncDisposable> {
  let asked = 0
  const server = createServer((request, response) => {
    request.resume()
    const answer = asked++ % 8
    if (answer === 0) return // for as long as it is waited for
    if (answer === 1) request.socket.destroy()
    else response.writeHead(answer === 2 ? 503 : 204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
