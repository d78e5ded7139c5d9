import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { noCgroups, type Cgroups } from '../../src/runner/cgroups.ts'
import type { Command, CommandOptions, CommandResult } from '../../src/runner/command.ts'
import { createRunCommand } from '../../src/runner/exec.ts'

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'deployhook-runner-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

export type Ran = { readonly result: CommandResult; readonly output: Buffer }

export type Running = {
  readonly folder: string
  readonly cookie: string
  /** Runs a command with the test's cookie and gathers its output. */
  run(argv: Command['argv'], options?: Partial<Omit<Command, 'argv'> & CommandOptions>): Promise<Ran>
  /** The same for a piece of shell. */
  sh(text: string, options?: Partial<Omit<Command, 'argv'> & CommandOptions>): Promise<Ran>
}

/** A `RunCommand` in a folder of its own; the test fails if a process of it is left at the end. */
export function startRunning({ cgroups = noCgroups }: { readonly cgroups?: Cgroups } = {}): Running {
  const folder = temporaryFolder()
  const cookie = `test${randomBytes(8).toString('hex')}.1.1`
  const runCommand = createRunCommand({ directory: join(folder, 'pipes'), cgroups })
  onTestFinished(() => {
    expect(processesWith(cookie)).toEqual([])
    expect(namesOfUsedPipes(join(folder, 'pipes'))).toEqual([])
  })
  const run: Running['run'] = async (argv, options = {}) => {
    const { cwd = folder, env = {}, ...rest } = options
    const chunks: Buffer[] = []
    const result = await runCommand(
      { argv, cwd, env: { PATH: '/usr/local/bin:/usr/bin:/bin', DEPLOYHOOK_COOKIE: cookie, ...env } },
      {
        signal: new AbortController().signal,
        timeoutMs: 50_000,
        graceMs: 5_000,
        onOutput: (chunk) => void chunks.push(Buffer.from(chunk)),
        ...rest,
      },
    )
    return { result, output: Buffer.concat(chunks) }
  }
  return { folder, cookie, run, sh: (text, options) => run(['/bin/sh', '-c', text], options) }
}

/** A pipe is taken from the end of those that wait: of one that was used, and of one that went before it, no name is left. */
function namesOfUsedPipes(directory: string): readonly string[] {
  const batches = existsSync(directory) ? readdirSync(directory) : []
  return batches.flatMap((batch) => {
    const waiting = new Set(readdirSync(join(directory, batch)))
    return [...waiting].filter((name) => name === '0' || (name !== '1' && !waiting.has(String(Number(name) - 1))))
  })
}

/** The live processes whose environment holds `text`. */
export function processesWith(text: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(
      (pid) =>
        Number.isInteger(pid) && pid !== process.pid && isAlive(pid) && read(`/proc/${pid}/environ`).includes(text),
    )
}

export function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`)
  return stat !== '' && !/\) [ZX] /.test(stat)
}

/** Resolves as soon as `condition` holds; fails after 20 s. */
export async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 20_000, interval: 10 }).toBe(true)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
