import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { revealed } from '../lib/secret.ts'
import type { App } from '../model/deploy-map.ts'
import { replaceFile } from './replace-file.ts'
import type { Version } from './strategy.ts'

/** The phases that are steps and nothing else, in their order. */
export const stepPhases = ['build', 'before_switch', 'activate', 'after'] as const
export type StepPhase = (typeof stepPhases)[number]

/** How far a deployment has got, as the daemon after this one needs to know it. */
export type Underway = {
  readonly deployment: number
  readonly attempt: number
  /** Of the app's entry. */
  readonly fingerprint: string
  /** What its steps were given to keep to themselves, as `givenSecrets` tells it. */
  readonly secrets: string
  /** Of the machine's present run: nothing outlives it. */
  readonly boot: string
  readonly version: Version
  readonly phase: StepPhase
  /** Of its newest step: counted from 1 in the attempt, and from 0 in its phase. */
  readonly number: number
  readonly index: number
  readonly unit: string
  /** ISO 8601. */
  readonly startedAt: string
}

/** What an earlier daemon left. */
export type Left = Underway & {
  /** It is there, and if it has ended tells how. */
  readonly hasUnit: boolean
}

export type GoOn = Underway & {
  /** It has run and succeeded; it is in its unit, running or not; or it has not been started. */
  readonly step: 'over' | 'attach' | 'fresh'
}

export function isPast(phase: StepPhase, now: StepPhase): boolean {
  return stepPhases.indexOf(phase) < stepPhases.indexOf(now)
}

/**
 * A digest of what steps are given as secrets. A step that goes on still has what it was started with, and a daemon that
 * has read another secret since then could not hide that in its log.
 */
export function givenSecrets({ env, steps, beforeSwitch, activate, after }: App): string {
  const envs = [env, ...[...steps, ...beforeSwitch, ...activate, ...after].map((step) => step.env)]
  const told = envs.map((one) => [...one].map(([name, value]) => [name, revealed(value)]))
  return createHash('sha256').update(JSON.stringify(told)).digest('hex')
}

/** One file per deployment in `directory`, which is made (0700) when needed. They hold nothing secret. */
export type UnderwayFiles = {
  note(underway: Omit<Underway, 'boot'>): Promise<void>
  /** Of this run of the machine; of an earlier one nothing can go on. */
  all(): Promise<readonly Underway[]>
  forget(deployment: number): Promise<void>
}

export function createUnderway(directory: string): UnderwayFiles {
  const fileOf = (deployment: number) => join(directory, `${deployment}.json`)
  return {
    async note(underway) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await replaceFile(fileOf(underway.deployment), JSON.stringify({ ...underway, boot: await bootOfMachine() }))
    },
    async all() {
      const boot = await bootOfMachine()
      const names = (await namesIn(directory)).filter((name) => /^\d+\.json$/.test(name))
      const found = await Promise.all(names.map((name) => read(join(directory, name))))
      return found.filter((one) => one?.boot === boot).filter((one) => one !== null)
    },
    forget: (deployment) => rm(fileOf(deployment), { force: true }),
  }
}

/** null: what is there was not written by us to its end. */
async function read(file: string): Promise<Underway | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Underway
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return null
    throw error
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return existsSync(directory) ? readdir(directory) : []
}

async function bootOfMachine(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim()
}
