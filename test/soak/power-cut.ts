import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCutDisk } from './cut-disk.ts'
import { cutTrees } from './cut-trees.ts'
import { upperBound } from './upper-bound.ts'

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

/** Has a store acknowledge deliveries without pause, and cuts the power `wanted` times meanwhile. */
export async function cutPower(wanted: number, mode: Mode): Promise<Cuts> {
  const disk = createCutDisk()
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

if (import.meta.main) {
  const [, , verb = '', state = '', acknowledgements = '', mode = 'full'] = process.argv
  if (verb === 'write') await write(state, acknowledgements, mode as Mode)
  const cuts = Number(verb || 500)
  const full = await cutPower(cuts, 'full')
  const controls = { normal: await cutPower(10, 'normal'), off: await cutPower(10, 'off') }
  console.log(
    JSON.stringify({ full, bound: `at most ${upperBound(full.cuts)} of power cuts lose something`, controls }),
  )
  let isProven = full.lost === 0 && controls.normal.lost > 0 && controls.off.lost > 0
  for (const strategy of ['releases', 'in-place'] as const) {
    const trees = await cutTrees(Math.ceil(cuts / 5), { strategy })
    const unsynced = await cutTrees(6, { strategy, control: true })
    const bound = `at most ${upperBound(trees.counted)} of power cuts tear what is live`
    console.log(JSON.stringify({ strategy, ...trees, bound, control: unsynced }))
    isProven &&= trees.torn === 0 && unsynced.torn > 0
  }
  process.exitCode = isProven ? 0 : 1
}
