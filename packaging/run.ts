import { execFileSync } from 'node:child_process'

export type RunOptions = { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> }

/** Runs a command to its end and gives back what it printed; its complaints go to the terminal. Throws if it fails. */
export function run([command, ...args]: readonly [string, ...string[]], { cwd, env = {} }: RunOptions = {}): string {
  return execFileSync(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC', ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  })
}
