import { execa } from 'execa'
import { openSync, closeSync, fsyncSync, rmSync, writeSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { percentile } from './finding.ts'

/** What the numbers were measured on; without it they say nothing. */
export type Machine = {
  readonly at: string
  readonly commit: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  /** Program → its version; one that is missing is not there. */
  readonly versions: Readonly<Record<string, string>>
  /** Median of writing 4 KiB and syncing it, in milliseconds. */
  readonly fsyncMs: number
}

/** `dir`: a directory on the disk that is measured. */
export async function lookAtMachine(dir: string): Promise<Machine> {
  const [git, webhook, wrk, commit] = await Promise.all([
    firstLine('git', ['--version']),
    firstLine('webhook', ['-version']),
    firstLine('wrk', ['-v']),
    firstLine('git', ['-C', import.meta.dirname, 'describe', '--always', '--dirty']),
  ])
  const versions = { node: process.version, sqlite: process.versions['sqlite'] ?? '', git, webhook, wrk }
  return {
    at: new Date().toISOString(),
    commit,
    cpu: cpus()[0]?.model ?? '',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    versions: Object.fromEntries(Object.entries(versions).filter(([, version]) => version !== '')),
    fsyncMs: fsyncMsIn(dir),
  }
}

export function fsyncMsIn(dir: string): number {
  const path = join(dir, 'fsync')
  const file = openSync(path, 'w')
  const page = Buffer.alloc(4096, 1)
  const times = Array.from({ length: 200 }, (_, at) => {
    const begunAt = performance.now()
    writeSync(file, page, 0, page.length, (at % 100) * page.length)
    fsyncSync(file)
    return performance.now() - begunAt
  })
  closeSync(file)
  rmSync(path)
  return percentile(times, 0.5)
}

async function firstLine(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execa(command, args, { reject: false, stdin: 'ignore' })
  return stdout.split('\n')[0]?.replace(/ Copyright.*| \[epoll\].*/, '') ?? ''
}
