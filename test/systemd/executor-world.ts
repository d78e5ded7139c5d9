import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const tool = [join(root, 'test/systemd/boot.sh'), '/work/shared/tools/systemd-boot'].find((path) => existsSync(path))

/** Why no systemd can be booted here; null: one can. */
export const cannotBoot: string | null =
  process.getuid?.() !== 0 ? 'only root can boot a systemd' : tool === undefined ? 'there is no tool to boot one' : null

export type Machine = {
  /** Runs a piece of shell in it, in the folder of the project. */
  sh(text: string, options?: { readonly timeoutMs?: number }): SpawnSyncReturns<string>
  stop(): void
}

/** A booted systemd over a throw-away copy of this machine's files. */
export function bootMachine(name: string): Machine {
  const call = (...args: readonly string[]) =>
    spawnSync(tool ?? 'false', args, { encoding: 'utf8', timeout: 120_000, maxBuffer: 64 * 1024 * 1024 })
  const started = call('start', name)
  if (started.status !== 0) throw new Error(`${name} did not boot: ${started.stdout}${started.stderr}`)
  return {
    sh: (text, { timeoutMs = 120_000 } = {}) =>
      spawnSync(tool ?? 'false', ['run', name, 'bash', '-c', `cd ${root} && ${text}`], {
        ...{ encoding: 'utf8', timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 },
        env: {
          PATH: `${root}/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
          HOME: '/root',
        },
      }),
    stop: () => void call('stop', name),
  }
}
