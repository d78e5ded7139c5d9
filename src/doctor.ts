import { setTimeout as pause } from 'node:timers/promises'
import { checkClock } from './doctor/clock.ts'
import { checkConfig } from './doctor/config.ts'
import { checkDaemon } from './doctor/daemon.ts'
import { checkDisk } from './doctor/disk.ts'
import { checkExposed } from './doctor/exposed.ts'
import { warning, type Finding, type Found } from './doctor/finding.ts'
import { checkGitAccess } from './doctor/git-access.ts'
import { checkModes } from './doctor/modes.ts'
import type { Check, Patient } from './doctor/patient.ts'
import { checkPublicUrl } from './doctor/public-url.ts'
import { checkSecrets } from './doctor/secrets.ts'
import { checkSystemd } from './doctor/systemd.ts'
import { checkVersions } from './doctor/versions.ts'

/** Everything that is looked at, in the order in which it is told. */
const checks = {
  daemon: checkDaemon,
  config: checkConfig,
  versions: checkVersions,
  files: checkModes,
  disk: checkDisk,
  git: checkGitAccess,
  public_url: checkPublicUrl,
  clock: checkClock,
  systemd: checkSystemd,
  secrets: checkSecrets,
  sites: checkExposed,
} satisfies Readonly<Record<string, Check>>

/** What an operator is told; `urls`: where apps are reached from outside, by their names. */
export type Doctor = (urls: ReadonlyMap<string, string>) => Promise<readonly Finding[]>

/** Looks at everything at once. What takes longer than `limitMs` is cut off, and told as far as it went. */
export async function examine(
  patient: Omit<Patient, 'signal'>,
  { limitMs, graceMs = 5_000 }: { readonly limitMs: number; readonly graceMs?: number },
): Promise<readonly Finding[]> {
  const over = new AbortController()
  const timer = setTimeout(() => {
    over.abort('timed_out')
  }, limitMs)
  const { signal } = over
  const ask: Patient['ask'] = (asked) => patient.ask({ ...asked, signal })
  const ended = new AbortController()
  const lookAll = Object.entries(checks).map(async ([name, check]) => {
    const givenUp = giveUp(limitMs + graceMs, ended.signal)
    const found = await Promise.race([check({ ...patient, ask, signal }), givenUp])
    return found.map((one) => ({ check: name, ...one }))
  })
  try {
    return (await Promise.all(lookAll)).flat()
  } finally {
    clearTimeout(timer)
    over.abort('timed_out')
    ended.abort()
  }
}

async function giveUp(afterMs: number, signal: AbortSignal): Promise<readonly Found[]> {
  await pause(afterMs, undefined, { ref: false, signal }).catch(() => undefined)
  return [warning('doctor', 'this was not looked at to the end: there was no time left')]
}
