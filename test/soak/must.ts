import { spawnSync } from 'node:child_process'

/** Runs a program of the system, and throws what it says unless it ends with 0. */
export function must(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args)
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.toString().trim()}`)
}
