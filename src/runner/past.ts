import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Cgroups } from './cgroups.ts'
import type { Executors } from './executors.ts'
import { keptCookie, type Kept } from './kept.ts'
import { endProcesses } from './processes.ts'
import { scriptName } from './step-in-unit.ts'
import type { Left, Underway, UnderwayFiles } from './underway.ts'

export type PastOf = {
  readonly stateDirectory: string
  readonly stateId: string
  readonly executors: Executors
  readonly graceMs: number
  readonly kept: Pick<Kept, 'alive'>
  readonly cgroups: Pick<Cgroups, 'cookies' | 'leftBehind' | 'release'>
  readonly underway: UnderwayFiles
}

type Places = { readonly scripts: string; readonly work: string; readonly handover: string }

/** What an earlier daemon of this state directory has left: what goes on is found, and the rest is ended. */
export function createPast({ stateDirectory, stateId, executors, graceMs, kept, cgroups, underway }: PastOf) {
  const directory = join(stateDirectory, 'units')

  return {
    async underway(): Promise<readonly Left[]> {
      const all = await underway.all()
      if (all.length === 0) return []
      // One that is just about to start a unit would start it behind our back.
      await endProcesses(`${stateId}.starting`, { graceMs: 0 })
      const units = await executors.units()
      return Promise.all(all.map(async (one) => ({ ...one, hasUnit: (await units?.isThere(one.unit)) === true })))
    },

    async end(goOn: readonly Underway[], { scripts, work, handover }: Places): Promise<number> {
      const spared = new Set([
        ...(await kept.alive(cgroups.cookies())),
        ...goOn.flatMap(({ deployment, attempt, number }) => cookiesOf(`${stateId}.${deployment}.${attempt}`, number)),
      ])
      const cgroup = cgroups.leftBehind(spared)
      const ended = await endProcesses(`${stateId}.`, { graceMs, spared, cgroup })
      cgroups.release(cgroup)
      const going = new Set(goOn.map(({ unit }) => unit))
      await releaseAll((await namesIn(directory)).filter((name) => !going.has(name)))
      for (const { deployment } of await underway.all())
        if (!goOn.some((one) => one.deployment === deployment)) await underway.forget(deployment)
      const needed = new Set(goOn.map(({ deployment, attempt, number }) => scriptName(deployment, attempt, number)))
      await clear(work, { needed: new Set(needed.size === 0 ? [] : [basename(scripts)]) })
      for (const place of [scripts, handover]) await clear(place, { needed })
      return ended
    },

    async forget(deployment: number): Promise<void> {
      await releaseAll((await namesIn(directory)).filter((name) => deploymentOf(name) === deployment))
      await underway.forget(deployment)
    },
  }

  async function releaseAll(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const units = await executors.units()
    // Without a systemd to be asked there is no unit either.
    const release = (name: string) =>
      units === null ? rm(join(directory, name), { recursive: true, force: true }) : units.release(name)
    await Promise.all(names.map(release))
  }
}

/** That of its steps, and the one that a step with `background: keep` has. */
function cookiesOf(cookie: string, number: number): readonly string[] {
  return [cookie, keptCookie(cookie, number)]
}

/** `deployhook-blog-42`, `deployhook-blog-42.preview`: no name of an app has a dot. */
function deploymentOf(unit: string): number | null {
  const id = /-(\d+)$/.exec(unit.split('.')[0] ?? '')?.[1]
  return id === undefined ? null : Number(id)
}

async function clear(directory: string, { needed }: { readonly needed: ReadonlySet<string> }): Promise<void> {
  if (needed.size === 0) return rm(directory, { recursive: true, force: true })
  const names = await namesIn(directory)
  for (const name of names) if (!needed.has(name)) await rm(join(directory, name), { recursive: true, force: true })
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return existsSync(directory) ? readdir(directory) : []
}
