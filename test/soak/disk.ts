import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { openWorld, type World } from '../support/open-world.ts'
import type { Pushed } from '../support/repository.ts'
import { given } from './given.ts'
import { createSmallDisk, diskKinds, hindrance, type DiskKind, type SmallDisk } from './small-disk.ts'
import { keepRunning, type Supervisor } from './supervisor.ts'
import { broken, createWitness, type Acknowledged } from './witness.ts'
import { upperBound } from './upper-bound.ts'

export type DiskReport = {
  readonly cycles: number
  readonly acknowledged: number
  /** Answers that a delivery could not be kept, or none: it was sent again. */
  readonly notKept: number
  /** How often the daemon ended by itself and was started again, as systemd would. */
  readonly restarts: number
  /** The longest from when there was room until a delivery was kept, and until everything was live. */
  readonly slowest: { readonly intakeMs: number; readonly liveMs: number }
  /** What does not hold; each a sentence. */
  readonly problems: readonly string[]
}

/**
 * The controls, which must go red. `early`: whatever is answered counts as an acknowledgement, as if 202 had gone out
 * before the commit. `unfreed`: the disk stays full, as if a person had something to do.
 */
export type Control = 'early' | 'unfreed'

type Options = { readonly seed?: number; readonly control?: Control; readonly patienceMs?: number }

/**
 * Fills the disk that state directory and trees lie on, pushes meanwhile, frees it, and looks whether all by itself
 * everything that was acknowledged is there and the newest revision is live and whole. The ways follow from `seed`.
 */
export async function soakDisk(kind: DiskKind, cycles: number, options: Options = {}): Promise<DiskReport> {
  const { seed = 1, control, patienceMs = 45_000 } = options
  await using world = await openWorld({}, { start: false })
  const disk = createSmallDisk(kind)
  await using daemon = keepRunning(world)
  try {
    mkdirSync(world.path('state'))
    disk.showAt('state', world.path('state'))
    disk.showAt('srv', world.path('srv'))
    const soak = createSoak(world, { disk, daemon, control, patienceMs })
    await soak.begin()
    const cases = fc.sample(fullness, { numRuns: cycles, seed })
    for (const [number, part] of cases.entries()) await soak.cycle(ways[number % ways.length] ?? 'bytes', part)
    return await soak.end()
  } finally {
    await daemon[Symbol.asyncDispose]()
    disk.remove()
  }
}

/** `floor`: below `server.min_free`. The others go on without such a floor, so that everything meets the end of the disk. */
const ways = ['floor', 'bytes', 'step', 'fetch', 'inodes', 'checkout'] as const
type Way = (typeof ways)[number]

/** From 0 to 1: how much is left, of what the way leaves at most. */
const fullness = fc.noBias(fc.nat(100)).map((percent) => percent / 100)

const names = ['blog', 'shop'] as const
const blobBytes = 2 ** 20

type Setting = {
  readonly disk: SmallDisk
  readonly daemon: Supervisor
  readonly control: Control | undefined
  readonly patienceMs: number
}

/** For what has nothing to do with a full disk: the first deployments of all. */
const firstPatienceMs = 45_000

function createSoak(world: World, { disk, daemon, control, patienceMs }: Setting) {
  const witness = createWitness(world.path())
  const hold = world.path('hold')
  const steps = [
    witness.step,
    `touch ${hold}.$DEPLOYHOOK_APP; while [ -e ${hold} ]; do sleep 0.02; done`,
    'cat now blob > shown',
  ]
  const acknowledged: Acknowledged[] = []
  const problems: string[] = []
  const slowest = { intakeMs: 0, liveMs: 0 }
  const newest = new Map<string, Pushed>()
  let notKept = 0
  let cycles = 0

  return {
    async begin() {
      await configure('floor')
      await daemon.start()
      const owed = await pushAll()
      await untilAllKept(owed)
      await untilAllLive('the first deployments')
    },

    async cycle(way: Way, part: number) {
      if (problems.length > 0) return
      cycles++
      const what = `cycle ${cycles} (${way}, ${part.toFixed(2)})`
      await configure(way)
      const owed = way === 'step' ? await holdStep() : []
      if (way === 'fetch' || way === 'checkout') fill(way, part)
      owed.push(...(await pushAll()))
      if (way !== 'fetch' && way !== 'checkout') fill(way, part)
      const stillOwed = await sendOnce(owed)
      rmSync(hold, { force: true })
      await sleep(300 + 900 * part)
      stillOwed.push(...(await sendOnce(await pushAll())))

      if (control !== 'unfreed') disk.free()
      const freed = performance.now()
      await untilAllKept(stillOwed)
      slowest.intakeMs = Math.max(slowest.intakeMs, performance.now() - freed)
      const isLive = await untilAllLive(what)
      slowest.liveMs = Math.max(slowest.liveMs, performance.now() - freed)
      if (!isLive) problems.push(`${what}: not live ${patienceMs} ms after there was room: ${await howItStands()}`)
      problems.push(...halfStates().map((problem) => `${what}: ${problem}`), ...(await unreadableLogs()))
    },

    async end(): Promise<DiskReport> {
      const tips = new Map([...newest].map(([name, { after }]) => [name, after]))
      problems.push(...daemon.problems)
      disk.free()
      if (control !== 'unfreed') {
        daemon.letGo()
        problems.push(...(await broken(world, { acknowledged, tips })), ...witness.overlaps())
      }
      const rounded = { intakeMs: Math.round(slowest.intakeMs), liveMs: Math.round(slowest.liveMs) }
      const { restarts } = daemon
      return { cycles, acknowledged: acknowledged.length, notKept, restarts, slowest: rounded, problems }
    },
  }

  /** Where the way leaves no floor, SQLite, git and steps meet the end of the disk itself. */
  async function configure(way: Way): Promise<void> {
    await world.configure(
      Object.fromEntries(names.map((name) => [name, { repository: `acme/${name}`, steps }])),
      way === 'floor' ? {} : { min_free: '0KiB' },
    )
    if (cycles === 0) return
    const { status, text } = await world.daemon.api('/api/reload', { method: 'POST' })
    if (status !== 200) throw new Error(`a reload was answered ${status}: ${text}`)
  }

  function fill(way: Way, part: number): void {
    if (way === 'inodes') disk.fillWithFiles()
    else disk.fill(Math.round((way === 'floor' ? 0.2 + 0.8 * part : part) * mostLeft[way]))
  }

  /** A revision that the apps' steps are at when the disk fills up. */
  async function holdStep(): Promise<Owed[]> {
    writeFileSync(hold, '')
    for (const name of names) rmSync(`${hold}.${name}`, { force: true })
    const owed = await sendOnce(await pushAll())
    await daemon.until(patienceMs, () => names.every((name) => existsSync(`${hold}.${name}`)))
    return owed
  }

  async function pushAll(): Promise<Owed[]> {
    return Promise.all(
      names.map(async (name) => {
        const blob = randomBytes(blobBytes / 2).toString('hex')
        const pushed = await world.repository(`acme/${name}`).push({ now: randomUUID(), blob })
        newest.set(name, pushed)
        return { name, pushed, id: randomUUID() }
      }),
    )
  }

  /** Answers those that were not kept. */
  async function sendOnce(owed: readonly Owed[]): Promise<Owed[]> {
    const kept = await Promise.all(owed.map(isKept))
    return owed.filter((_, index) => kept[index] !== true)
  }

  async function untilAllKept(owed: readonly Owed[]): Promise<void> {
    let left = owed
    await daemon.until(patienceMs, async () => (left = await sendOnce(left)).length === 0)
  }

  async function isKept({ name, pushed, id }: Owed): Promise<boolean> {
    const answer = await daemon.deliver(pushed, { id, repository: `acme/${name}`, message: id })
    if (answer?.status === 202 || control === 'early') {
      const body = answer?.status === 202 ? (answer.body as Deployments) : { deployments: [] }
      acknowledged.push({ id, deployments: body.deployments.map((deployment) => deployment.id) })
      return true
    }
    if (answer?.status === 200) return true // it was kept although nobody could say so
    notKept++
    if (answer !== null && (answer.status !== 503 || answer.retryAfter === null))
      problems.push(`a delivery was answered ${answer.status}: ${answer.text}`)
    return false
  }

  async function untilAllLive(what: string): Promise<boolean> {
    const isLive = await daemon.until(cycles === 0 ? firstPatienceMs : patienceMs, async () => {
      const { apps } = (await daemon.api('/api/apps')) as Apps
      return names.every((name) => apps.find((app) => app.name === name)?.live.revision === newest.get(name)?.after)
    })
    if (!isLive && cycles === 0) throw new Error(`${what} did not become live`)
    return isLive
  }

  async function howItStands(): Promise<string> {
    const { deployments } = (await daemon.api('/api/deployments?limit=6')) as { deployments: readonly object[] }
    return JSON.stringify(deployments)
  }

  /** What of the newest revision is not in the trees as it was pushed and built. */
  function halfStates(): readonly string[] {
    using database = new DatabaseSync(world.path('state', 'state.db'), { readOnly: true })
    const integrity = String(database.prepare('pragma integrity_check').get()?.['integrity_check'])
    const halves = names.flatMap((name) => {
      const at = (...parts: readonly string[]): string => world.path(...parts)
      const [now, blob] = ['now', 'blob'].map((file) => readFileSync(at('clones', `acme/${name}`, file), 'utf8'))
      const expected = { now, blob, shown: `${now}${blob}` }
      const wrong = Object.entries(expected).filter(
        ([file, text]) => !existsSync(at('srv', name, file)) || readFileSync(at('srv', name, file), 'utf8') !== text,
      )
      return wrong.map(([file]) => `${name}: ${file} is not that of the newest revision`)
    })
    return integrity === 'ok' ? halves : [`the database is not whole: ${integrity}`, ...halves]
  }

  async function unreadableLogs(): Promise<readonly string[]> {
    const { deployments } = (await daemon.api('/api/deployments?limit=8')) as Deployments
    const withSteps = deployments.filter((deployment) => deployment.steps.length > 0)
    const logs = await Promise.all(
      withSteps.map(async ({ id }) => ({ id, text: await daemon.api(`/api/deployments/${id}/log`) })),
    )
    return logs
      .filter(({ text }) => typeof text !== 'string' || !text.includes('step 1/3'))
      .map(({ id }) => `the log of deployment ${id} cannot be read`)
  }
}

/** A push that its host still has to deliver. */
type Owed = { readonly name: string; readonly pushed: Pushed; readonly id: string }
type Apps = { readonly apps: readonly { readonly name: string; readonly live: { readonly revision: string | null } }[] }
type Deployments = { readonly deployments: readonly { readonly id: number; readonly steps: readonly unknown[] }[] }

/** Bytes left at most: of a floor of 5 %; of the room that a database, a fetch of a pushed blob, or its checkout needs. */
const mostLeft = {
  floor: 8 * 2 ** 20,
  bytes: 64 * 2 ** 10,
  step: 64 * 2 ** 10,
  fetch: blobBytes,
  checkout: 4 * blobBytes,
} as const

if (import.meta.main) {
  const [cycles, seed] = [given(2, 50), given(3, 1)]
  const kinds = diskKinds.filter((kind) => {
    const why = hindrance(kind)
    if (why !== null) console.log(`${kind}: left out, ${why}`)
    return why === null
  })
  let done = 0
  for (const [index, kind] of kinds.entries()) {
    const share = Math.ceil((cycles - done) / (kinds.length - index))
    const report = await soakDisk(kind, share, { seed: seed + index })
    console.log(JSON.stringify({ kind, ...report }))
    done += report.cycles
    if (report.problems.length > 0) process.exitCode = 1
  }
  for (const control of ['early', 'unfreed'] as const) {
    const { problems } = await soakDisk(kinds[0] ?? 'tmpfs', 2, { control, patienceMs: 5_000 })
    console.log(JSON.stringify({ control, isRed: problems.length > 0 }))
    if (problems.length === 0) process.exitCode = 1
  }
  console.log(`at most ${upperBound(done)} of such cycles lose something or need a person (95 %)`)
}
