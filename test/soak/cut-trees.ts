import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { openWorld } from '../support/open-world.ts'
import { createCutDisk } from './cut-disk.ts'

export type TreeCuts = {
  readonly cuts: number
  /** Those after which a version was live and nothing was under way that may change it: those that count. */
  readonly counted: number
  /** After how many of those a file of it was not as it was built. */
  readonly torn: number
}

type Options = {
  readonly strategy: 'in-place' | 'releases'
  /** The negative control: a daemon whose `sync` does nothing (`plant-no-sync.ts`). */
  readonly control?: boolean
}

/**
 * Deploys one revision after the other and cuts the power meanwhile, half of the times in the first second and a half
 * after a push, half in the two seconds after a deployment has succeeded. What is live then, by the database or by
 * `current`, must hold what was built, to the last byte.
 */
export async function cutTrees(wanted: number, { strategy, control = false }: Options): Promise<TreeCuts> {
  await using world = await openWorld({ blog: { strategy, steps: ['cat part-* > built'] } }, { start: false })
  const disk = createCutDisk()
  try {
    mkdirSync(world.path('state'))
    disk.showAt('state', world.path('state'))
    disk.showAt('srv', world.path('srv'))
    await world.start(control ? { NODE_OPTIONS: `--import=${plantNoSync}` } : {})
    const built = new Map<string, Files>()
    let [counted, torn] = [0, 0]
    for (let cut = 0; cut < wanted; cut++) {
      const parts = newParts()
      const pushed = await world.repository().push(parts)
      built.set(pushed.after, { ...parts, built: Object.values(parts).join('') })
      const { body } = await world.deliver(pushed)
      const [deployment] = (body as { deployments: { id: number }[] }).deployments
      if (cut % 2 === 0) await sleep(Math.random() * 1500)
      else {
        const { outcome, message } = await world.done(deployment?.id ?? 0)
        if (outcome !== 'succeeded') throw new Error(`a deployment ended as ${outcome ?? '?'}: ${message ?? ''}`)
        await sleep(Math.random() * 2000)
      }
      const live = disk.afterPowerCut((mounted) => liveIn(mounted, strategy))
      if (live !== null) {
        counted++
        if (!isWhole(live.files, [...built].find(([revision]) => revision.startsWith(live.revision))?.[1])) torn++
      }
      await world.done(deployment?.id ?? 0)
    }
    return { cuts: wanted, counted, torn }
  } finally {
    world.daemon.kill('SIGKILL')
    await world.daemon.ended
    disk.remove()
  }
}

const plantNoSync = pathToFileURL(`${import.meta.dirname}/plant-no-sync.ts`).href

/** The texts of files, by their names. */
type Files = Readonly<Record<string, string>>

function newParts(): Files {
  return Object.fromEntries(Array.from({ length: 20 }, (_, at) => [partName(at), randomBytes(8_000).toString('hex')]))
}

function partName(at: number): string {
  return `part-${String(at).padStart(2, '0')}`
}

type Live = {
  /** Its first digits at least. */
  readonly revision: string
  readonly files: Files
}

/** What is live on a disk, as far as nothing was under way that may have been changing it. */
function liveIn(mounted: string, strategy: Options['strategy']): Live | null {
  const app = join(mounted, 'srv', 'blog')
  if (strategy === 'releases') {
    const current = join(app, 'current')
    if (!isLink(current)) return null
    const name = readlinkSync(current)
    return { revision: name.split('-').at(-1) ?? '', files: filesIn(join(app, name)) }
  }
  const revision = deployedIn(join(mounted, 'state', 'state.db'))
  return revision === null ? null : { revision, files: filesIn(app) }
}

/** Of the newest deployment, when that has succeeded. */
function deployedIn(file: string): string | null {
  if (!existsSync(file)) return null
  const database = new DatabaseSync(file)
  try {
    if (database.prepare(`select 1 from sqlite_schema where name = 'deployments'`).get() === undefined) return null
    const newest = database.prepare('select outcome, revision from deployments order by id desc limit 1').get()
    return newest?.['outcome'] === 'succeeded' ? String(newest['revision']) : null
  } finally {
    database.close()
  }
}

function filesIn(directory: string): Files {
  const names = [...Array.from({ length: 20 }, (_, at) => partName(at)), 'built']
  return Object.fromEntries(
    names.map((name) => {
      const file = join(directory, name)
      return [name, existsSync(file) ? readFileSync(file, 'utf8') : 'missing']
    }),
  )
}

function isWhole(files: Files, expected: Files | undefined): boolean {
  if (expected === undefined) throw new Error('a revision is live that was never pushed')
  return Object.entries(expected).every(([name, text]) => files[name] === text)
}

function isLink(path: string): boolean {
  try {
    return readlinkSync(path) !== ''
  } catch {
    return false
  }
}
