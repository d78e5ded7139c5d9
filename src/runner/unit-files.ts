import { existsSync, readFileSync } from 'node:fs'
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command, CommandOptions } from './command.ts'
import { systemPath } from './environment.ts'
import { runQuietly } from './exec.ts'
import { openNamedFifo, type Fifo } from './fifo.ts'
import { locate } from './not-started.ts'
import { replaceFile } from './replace-file.ts'
import { parseUnitNotes, unitScript, type UnitNotes, type UnitPrograms } from './unit-script.ts'

/** What a unit is given: in a directory of its own, which nobody but the daemon and systemd enters. */
export type UnitFiles = {
  readonly own: string
  readonly script: string
  readonly output: string
  readonly notes: string
  readonly aside: string
}

export function unitFiles(own: string): UnitFiles {
  return {
    own,
    script: join(own, 'script'),
    output: join(own, 'output'),
    notes: join(own, 'notes'),
    aside: join(own, 'aside'),
  }
}

/** By which systemd gives them to the unit's first process. */
export function stdio({ script, output, notes }: UnitFiles): readonly string[] {
  return [`StandardInput=file:${script}`, `StandardOutput=file:${output}`, `StandardError=file:${notes}`]
}

/** The pipe is open when this returns. */
export async function makeUnitFiles(
  files: UnitFiles,
  { command, programs }: { readonly command: Command; readonly programs: UnitPrograms },
): Promise<Fifo> {
  await rm(files.own, { recursive: true, force: true })
  await mkdir(files.own, { recursive: true, mode: 0o700 })
  await writeFile(files.script, unitScript(command, programs), { mode: 0o600, flag: 'wx' })
  await writeFile(files.notes, '', { mode: 0o600, flag: 'wx' })
  await runQuietly(['mkfifo', '-m', '600', '--', files.output], { env: { PATH: systemPath }, timeoutMs: 10_000 })
  const { user } = command
  // Whose it is decides who can open it again, as > /dev/stdout does.
  if (user !== undefined) await chown(files.output, user.uid, user.gid)
  return openNamedFifo(files.output)
}

export function findUnitPrograms(): UnitPrograms | null {
  const [setsid, sleep] = ['setsid', 'sleep'].map((name) => locate(name, { cwd: '/', searchPath: systemPath }))
  return setsid === null || setsid === undefined || sleep === null || sleep === undefined ? null : { setsid, sleep }
}

export function notesIn({ notes }: UnitFiles): UnitNotes {
  try {
    return parseUnitNotes(readFileSync(notes, 'latin1'))
  } catch {
    return { holder: null, hasEntered: true } // released meanwhile
  }
}

/** Some bytes of output that may be the beginning of a secret: for the next daemon alone. */
export async function keepAside(aside: Buffer | null | undefined, files: UnitFiles): Promise<void> {
  if (aside !== null && aside !== undefined) await replaceFile(files.aside, aside)
}

export async function takeUpAside({ carry }: Pick<CommandOptions, 'carry'>, files: UnitFiles): Promise<void> {
  if (carry === undefined || !existsSync(files.aside)) return
  await carry.takeUp(await readFile(files.aside))
  await rm(files.aside)
}
