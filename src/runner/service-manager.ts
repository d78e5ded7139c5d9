import { constants } from 'node:os'
import { readProgram, type Said } from './exec.ts'
import { cookieName } from './processes.ts'
import type { Exit } from './supervise.ts'

/** The systemd that runs units for us: the machine's, or that of the daemon's user. */
export type ServiceManager = {
  readonly kind: 'system' | 'user'
  /** Returns once its program runs; says what systemd says when it does not. */
  start(name: string, start: UnitStart): Promise<string | null>
  look(name: string): Promise<UnitFound | null>
  /** SIGTERM for all that is in it, SIGKILL after its grace, and nothing is known of it any more. */
  end(name: string): Promise<void>
}

export type UnitStart = {
  readonly description: string
  readonly properties: readonly string[]
  readonly argv: readonly [string, ...string[]]
}

export type UnitFound = {
  readonly description: string
  /** Its first process; 0: it never had one. */
  readonly pid: number
  /** How that ended; null: it has not. */
  readonly end: Exit | null
  /** By systemd, when its time was up. */
  readonly hasTimedOut: boolean
  /** From the root of the cgroups; '' when nothing is in it any more. */
  readonly cgroup: string
}

export type ServiceManagerOf = {
  readonly stateId: string
  /** XDG_RUNTIME_DIR of the user whose manager it is; null: the machine's. */
  readonly runtimeDirectory: string | null
  /** How long one of its programs may take; longer than any grace that a stop has to wait for, if not given. */
  readonly timeoutMs?: number
}

/** Speaks to systemd by its own programs: both reach its private socket, without a message bus. */
export function createServiceManager({
  stateId,
  runtimeDirectory,
  timeoutMs = 60_000,
}: ServiceManagerOf): ServiceManager {
  const scope = runtimeDirectory === null ? [] : ['--user']
  // By the cookie the next daemon ends one that is still about to start something.
  const env = {
    [cookieName]: `${stateId}.starting`,
    ...(runtimeDirectory === null ? {} : { XDG_RUNTIME_DIR: runtimeDirectory }),
  }
  const ask = (argv: readonly [string, ...string[]]): Promise<Said> => readProgram(argv, { env, timeoutMs })

  return {
    kind: runtimeDirectory === null ? 'system' : 'user',

    async start(name, { description, properties, argv }) {
      const { exitCode, complaint } = await ask([
        'systemd-run',
        ...[...scope, '--quiet', '--no-ask-password', `--unit=${name}.service`, `--description=${description}`],
        ...properties.map((property) => `--property=${property}`),
        '--',
        ...argv,
      ])
      return exitCode === 0 ? null : firstLineOf(complaint) || 'systemd-run did not end in time'
    },

    async look(name) {
      const names = shown.map((property) => `--property=${property}`)
      const { exitCode, output, complaint } = await ask(['systemctl', ...scope, 'show', ...names, `${name}.service`])
      if (exitCode !== 0)
        throw new Error(`systemctl could not tell of ${name}: ${firstLineOf(complaint) || 'it did not answer in time'}`)
      return foundOf(output.toString())
    },

    async end(name) {
      await ask(['systemctl', ...scope, '--quiet', '--no-ask-password', 'stop', `${name}.service`])
      await ask(['systemctl', ...scope, '--quiet', '--no-ask-password', 'reset-failed', `${name}.service`])
    },
  }
}

const shown = [
  ...['LoadState', 'Description', 'Result', 'ControlGroup', 'ExecMainPID', 'ExecMainCode', 'ExecMainStatus'],
] as const

function foundOf(text: string): UnitFound | null {
  const lines = text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  const values = new Map(lines.map(([name = '', value = '']) => [name, value]))
  const of = (name: (typeof shown)[number]) => values.get(name) ?? ''
  if (of('LoadState') !== 'loaded') return null
  return {
    description: of('Description'),
    pid: Number(of('ExecMainPID')),
    end: endOf(Number(of('ExecMainCode')), Number(of('ExecMainStatus'))),
    hasTimedOut: of('Result') === 'timeout',
    cgroup: of('ControlGroup'),
  }
}

/** `code` is si_code of waitid(2): CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3; 0: it has not ended. */
function endOf(code: number, status: number): Exit | null {
  if (code === 0) return null
  if (code === 1) return { kind: 'exited', exitCode: status }
  const signal = Object.entries(constants.signals).find(([, number]) => number === status)?.[0]
  return { kind: 'signalled', signal: signal ?? `signal ${status}` }
}

function firstLineOf(text: string): string {
  return text.trim().split('\n')[0] ?? ''
}
