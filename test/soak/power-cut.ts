import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { upperBound } from './upper-bound.ts'

// A power cut without cutting any: ext4 lies on a loop device over a file of an XFS, and `cp --reflink` of that file is
// what a disk would hold if the machine lost its power at that moment: what was synced, and what the kernel happened to
// have written. The page cache is lost. Not modelled: drives that lie about a flush, torn sectors.

/** `full` is what we ship; the others are controls, which must lose: SQLite's NORMAL, and no sync at all. */
export type Mode = 'full' | 'normal' | 'off'

export type Cuts = {
  /** Those before which something had been acknowledged. */
  readonly cuts: number
  /** Deliveries acknowledged before the last cut. */
  readonly acknowledged: number
  /** Acknowledged deliveries that were gone, over all cuts. */
  readonly lost: number
}

/** Why this machine cannot do it; null: it can. */
export function hindrance(): string | null {
  if (process.getuid?.() !== 0) return 'only root may mount'
  const missing = ['mkfs.xfs', 'mkfs.ext4', 'mount', 'losetup'].find((tool) => !isThere(tool))
  if (missing !== undefined) return `${missing} is missing`
  try {
    createDisk().remove()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Has a store acknowledge deliveries without pause, and cuts the power `wanted` times meanwhile. */
export async function cutPower(wanted: number, mode: Mode): Promise<Cuts> {
  const disk = createDisk()
  const acknowledgements = join(disk.folder, 'acknowledged') // the witness: not on the disk whose power is cut
  writeFileSync(acknowledgements, '')
  const state = join(disk.mounted, 'state')
  const writer = spawn(process.execPath, [import.meta.filename, 'write', state, acknowledgements, mode], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const ended = once(writer, 'exit')
  const told = (): readonly string[] => readFileSync(acknowledgements, 'utf8').split('\n').slice(0, -1)
  try {
    let [lost, cuts] = [0, 0]
    let acknowledged: readonly string[] = []
    while (cuts < wanted) {
      const enough = told().length + 1 + Math.floor(Math.random() * 60)
      while (told().length < enough && writer.exitCode === null) await sleep(5)
      if (writer.exitCode !== null) throw new Error(`the writer ended with ${writer.exitCode}`)
      writer.kill('SIGSTOP')
      await untilStopped(writer.pid ?? 0)
      acknowledged = told()
      const kept = disk.afterPowerCut(keptIn)
      writer.kill('SIGCONT')
      lost += acknowledged.filter((id) => !kept.has(id)).length
      cuts++
    }
    return { cuts, acknowledged: acknowledged.length, lost }
  } finally {
    writer.kill('SIGKILL')
    await ended
    disk.remove()
  }
}

type Disk = {
  /** On this machine's own file system. */
  readonly folder: string
  readonly mounted: string
  /** Reads what would be left of the disk. */
  afterPowerCut<T>(read: (mounted: string) => T): T
  remove(): void
}

function createDisk(): Disk {
  const folder = mkdtempSync(join(tmpdir(), 'deployhook-power-'))
  const at = (name: string): string => join(folder, name)
  const undo: (() => void)[] = [
    () => {
      rmSync(folder, { recursive: true, force: true })
    },
  ]
  const remove = (): void => {
    for (const step of undo.toReversed()) step()
  }
  const mount = (image: string, place: string): (() => void) => {
    mkdirSync(place, { recursive: true })
    must('mount', ['-o', 'loop', image, place])
    return () => {
      must('umount', [place])
    }
  }
  try {
    makeImage(at('outer.img'), 400 << 20)
    must('mkfs.xfs', ['-q', '-m', 'reflink=1', at('outer.img')])
    undo.push(mount(at('outer.img'), at('outer')))
    const image = join(at('outer'), 'disk.img')
    makeImage(image, 128 << 20)
    must('mkfs.ext4', ['-q', image])
    undo.push(mount(image, at('disk')))
    const cut = join(at('outer'), 'cut.img')
    must('cp', ['--reflink=always', image, cut])
    return {
      folder,
      mounted: at('disk'),
      remove,
      afterPowerCut(read) {
        must('cp', ['--reflink=always', image, cut])
        const unmount = mount(cut, at('cut'))
        try {
          return read(at('cut'))
        } finally {
          unmount()
        }
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

/** A file of that many bytes which takes no room yet. */
function makeImage(path: string, bytes: number): void {
  writeFileSync(path, '')
  truncateSync(path, bytes)
}

/** The deliveries that a start would find, after making sure that nothing of it is half there. */
function keptIn(mounted: string): ReadonlySet<string> {
  const file = join(mounted, 'state', 'state.db')
  if (!existsSync(file)) return new Set()
  const database = new DatabaseSync(file)
  try {
    const { integrity_check: found } = database.prepare('pragma integrity_check').get() ?? {}
    if (found !== 'ok') throw new Error(`after a power cut the database is damaged: ${String(found)}`)
    if (database.prepare('select 1 from sqlite_schema').get() === undefined) return new Set()
    const rows = database
      .prepare('select provider_id from deliveries where id in (select delivery from deployments)')
      .all()
    return new Set(rows.map((row) => String(row['provider_id'])))
  } finally {
    database.close()
  }
}

/** Accepts three deliveries at a time for ever, and says which are acknowledged. */
async function write(state: string, acknowledgements: string, mode: Mode): Promise<void> {
  const exec: DatabaseSync['exec'] = Reflect.get(DatabaseSync.prototype, 'exec')
  DatabaseSync.prototype.exec = function (sql) {
    exec.call(this, sql.replace('synchronous = full', `synchronous = ${mode}`))
  }
  const { openStore } = await import('../../src/store/index.ts')
  const { arrival } = await import('../store/arrival.ts')
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const store = await openStore(state, { log, failPoint: ignore })
  const witness = openSync(acknowledgements, 'a')
  for (let number = 0; ; number += 3) {
    await Promise.all(
      [number, number + 1, number + 2].map(async (id) => {
        await store.accept(arrival({ providerId: `id-${id}`, apps: [`app-${id}`] }))
        writeSync(witness, `id-${id}\n`)
      }),
    )
  }
}

const ignore = (): undefined => undefined

async function untilStopped(pid: number): Promise<void> {
  while (!/^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) await sleep(1)
}

function isThere(tool: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', tool]).status === 0
}

function must(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args)
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.toString().trim()}`)
}

if (import.meta.main) {
  const [, , verb = '', state = '', acknowledgements = '', mode = 'full'] = process.argv
  if (verb === 'write') await write(state, acknowledgements, mode as Mode)
  const started = Date.now()
  const full = await cutPower(Number(verb || 500), 'full')
  const controls = { normal: await cutPower(10, 'normal'), off: await cutPower(10, 'off') }
  const isProven = full.lost === 0 && controls.normal.lost > 0 && controls.off.lost > 0
  const bound = `at most ${upperBound(full.cuts)} of power cuts lose something (95 %)`
  console.log(JSON.stringify({ seconds: Math.round((Date.now() - started) / 1000), full, bound, controls, isProven }))
  process.exitCode = isProven ? 0 : 1
}
