import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { runningAs } from '../../src/runner/as-user.ts'
import type { Command, CommandOptions } from '../../src/runner/command.ts'
import { createRunCommand, readProgram } from '../../src/runner/exec.ts'
import { identityOf, type Identity } from '../../src/runner/identity.ts'
import { createUnits, type Units } from '../../src/runner/in-unit.ts'
import { createServiceManager } from '../../src/runner/service-manager.ts'
import type { Unit } from '../../src/runner/unit.ts'
import { processesWith, temporaryFolder, type Ran } from './running.ts'

/** The ways in which commands are run; that of systemd where it has started this machine. */
export const executors = ['process', 'systemd'] as const
export type ExecutorName = (typeof executors)[number]

/** Why an executor cannot be tested here; null: it can. */
export function cannot(executor: ExecutorName): string | null {
  return executor === 'process' || existsSync('/run/systemd/system') ? null : 'this machine was not started by systemd'
}

type Options = Partial<Omit<Command, 'argv' | 'unit' | 'input'> & CommandOptions & { readonly unit: Partial<Unit> }>

export type Executing = {
  /** Everybody may enter it. */
  readonly folder: string
  readonly cookie: string
  readonly unit: string
  readonly units: Units
  run(argv: Command['argv'], options?: Options): Promise<Ran>
  sh(text: string, options?: Options): Promise<Ran>
}

/** Commands by one of the executors; the test fails if a process or a unit of theirs is left. */
export function startExecuting(executor: ExecutorName): Executing {
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  const stateId = `test${randomBytes(8).toString('hex')}`
  const cookie = `${stateId}.1.1`
  const name = `deployhook-${stateId}-1`
  const state = join(folder, 'state')
  mkdirSync(state, { mode: 0o700 })
  const manager = createServiceManager({ stateId, runtimeDirectory: ownRuntime() })
  const units = unitsIn(state, stateId)
  const asChild = runningAs(createRunCommand({ directory: join(state, 'pipes') }))
  onTestFinished(async () => {
    expect(processesWith(cookie)).toEqual([])
    if (executor !== 'systemd') return
    expect(await manager.look(name)).toBeNull()
    expect(existsSync(join(state, 'units')) ? readdirSync(join(state, 'units')) : []).toEqual([])
  })
  const run: Executing['run'] = async (argv, { unit: change, ...options } = {}) => {
    const { cwd = folder, env = {}, user, ...rest } = options
    const chunks: Buffer[] = []
    const command = {
      ...{ argv, cwd, env: { PATH: '/usr/local/bin:/usr/bin:/bin', DEPLOYHOOK_COOKIE: cookie, ...env } },
      ...(user === undefined ? {} : { user }),
    }
    const how = {
      ...{ signal: new AbortController().signal, timeoutMs: 50_000, graceMs: 5_000 },
      onOutput: (chunk: Buffer) => void chunks.push(Buffer.from(chunk)),
      ...rest,
    }
    const unit = { name, description: 'a test', properties: [], endsAfterMs: null, isHeld: false, ...change }
    const result = await (executor === 'process' ? asChild(command, how) : units.run({ ...command, unit }, how))
    return { result, output: Buffer.concat(chunks) }
  }
  return { folder, cookie, unit: name, units, run, sh: (text, options) => run(['/bin/sh', '-c', text], options) }
}

/** Those of a state directory. */
export function unitsIn(state: string, stateId: string): Units {
  const manager = createServiceManager({ stateId, runtimeDirectory: ownRuntime() })
  return createUnits({ manager, stateId, directory: join(state, 'units') })
}

/** What systemd says of a unit to everybody who asks. */
export async function shown(unit: string): Promise<string> {
  const scope = ownRuntime() === null ? [] : ['--user']
  const { output } = await readProgram(['systemctl', ...scope, 'show', `${unit}.service`], { timeoutMs: 10_000 })
  return output.toString()
}

/** As root the machine's own systemd is asked. */
function ownRuntime(): string | null {
  const uid = process.getuid?.() ?? 0
  return uid === 0 ? null : `/run/user/${uid}`
}

/** Another user than root, which only root can be. */
export async function nobody(folder: string): Promise<Identity> {
  const found = await identityOf('nobody', { uid: 0, handover: join(folder, 'handover') })
  if (found.kind !== 'other') throw new Error(`there is no user nobody: ${found.kind}`)
  return found.identity
}
