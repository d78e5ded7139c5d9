import { becoming, type Identity } from './identity.ts'
import { readProgram } from './exec.ts'

/**
 * What another user finds at a path: root may not judge that by itself, because it may do anything, and must not open what
 * that user can exchange for a link to anything else.
 */
export async function headAs(user: Identity, path: string): Promise<Buffer | 'forbidden'> {
  const script = '[ -f "$1" ] && [ -x "$1" ] || exit 3; exec head -c 128 -- "$1"'
  const { exitCode, output } = await askAs(user, script, path)
  return exitCode === 3 ? 'forbidden' : output
}

export async function canWriteTo(user: Identity, directory: string): Promise<boolean> {
  const { exitCode } = await askAs(user, '[ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]', directory)
  return exitCode === 0
}

/** The first directory on the way to a path, and with it, that is there and that the user may not enter; null: there is none. */
export async function closedTo(user: Identity, path: string): Promise<string | null> {
  const script = `set -f; IFS=/; at=
for part in $1; do at="\${at%/}/$part"; [ ! -e "$at" ] || [ -x "$at" ] || { printf %s "$at"; exit 3; }; done`
  const { exitCode, output } = await askAs(user, script, path)
  return exitCode === 3 ? output.toString() : null
}

function askAs(user: Identity, script: string, path: string) {
  return readProgram([...becoming(user), '/bin/sh', '-c', script, 'sh', path], { timeoutMs: 10_000 })
}
