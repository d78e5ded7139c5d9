import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Step } from '../../src/model/deploy-map.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { Deployment } from '../../src/model/deployment.ts'
import type { RunCommand } from '../../src/runner/command.ts'
import { noCgroups, openCgroups } from '../../src/runner/cgroups.ts'
import { createRunCommand } from '../../src/runner/exec.ts'
import { createRunner } from '../../src/runner/index.ts'
import { silentLog } from '../store/support.ts'
import { createApp, revision } from '../support/map.ts'
import { given } from './given.ts'
import { upperBound } from './upper-bound.ts'

/**
 * What a step can do to get away: each is a bash text in which `$sleeper` is a program that sleeps for ever and carries
 * the marker in its arguments, where the witness looks for it.
 */
const escapes: Readonly<Record<string, string>> = {
  hangs: '$sleeper',
  'hangs in a child': '$sleeper & wait',
  'ignores SIGTERM': `trap '' TERM; $sleeper & while :; do sleep 0.1; done`,
  'ignores SIGTERM in a session of its own': `setsid bash -c "trap '' TERM HUP; $sleeper & while :; do wait; done" & wait`,
  'leaves a child behind': '$sleeper & exit 0',
  'leaves a child behind and fails': '$sleeper & exit 3',
  'holds the output open': 'setsid $sleeper & echo done',
  'floods the output': '$sleeper & yes & sleep 0.1',
  nohup: 'nohup $sleeper >/dev/null 2>&1 & exit 0',
  setsid: 'setsid $sleeper >/dev/null 2>&1 </dev/null & exit 0',
  'forks twice': '(setsid bash -c "$sleeper & exit" >/dev/null 2>&1 &) ; exit 0',
  'forks twice, away from its directory':
    '(cd /; setsid bash -c "umask 0; $sleeper >/dev/null 2>&1 </dev/null & exit" &); exit 0',
  'has many children': 'for i in $(seq 20); do $sleeper & done; exit 0',
  'keeps forking': 'f() { for i in $(seq 200); do $sleeper & sleep 0.02; done; }; f & f & sleep 0.1; exit 0',
  'keeps forking in a session of its own':
    'setsid bash -c "for i in {1..200}; do $sleeper & sleep 0.02; done" & sleep 0.1; exit 0',
  'ends its leader': '$sleeper & kill -9 $$',
  'a group of its own': 'set -m; $sleeper & exit 0',
  'clears its environment': 'env -i setsid $sleeper & exit 0',
  'clears everything but is seen': 'env -i setsid $sleeper >/dev/null 2>&1 </dev/null & sleep 1',
  'clears everything and hangs': 'env -i setsid $sleeper >/dev/null 2>&1 </dev/null & sleep 1000',
}

/** And what can be found by its cgroup only. */
const escapesFromAllButCgroups: Readonly<Record<string, string>> = {
  'clears everything in no time': '(env -i setsid $sleeper >/dev/null 2>&1 </dev/null &); exec sleep 0.01',
}

export type Escaped = {
  readonly steps: number
  /** Processes that the witness saw after each deployment had ended, by how they got away. */
  readonly left: Readonly<Record<string, number>>
  /** Processes that the witness saw while the steps ran: a marker that is never seen would prove nothing. */
  readonly seen: number
}

/** Runs `count` steps, each of which tries to leave a process, and looks from outside at what is alive afterwards. */
export async function soakEscape(
  count: number,
  { run = createRunCommand, atOnce = 5 }: { readonly run?: typeof createRunCommand; readonly atOnce?: number } = {},
): Promise<Escaped> {
  const folder = await mkdtemp(join(tmpdir(), 'deployhook-escape-'))
  const marker = `escape-${randomBytes(8).toString('hex')}`
  const left: Record<string, number> = {}
  const cgroups = openCgroups({ stateId: marker, log: silentLog })
  const kinds = Object.entries({ ...escapes, ...(cgroups === noCgroups ? {} : escapesFromAllButCgroups) })
  const watching = watch(marker)
  let next = 0
  try {
    await mkdir(join(folder, 'tree'))
    await Promise.all(Array.from({ length: atOnce }, work))
    return { steps: next, left, seen: watching.stop() }
  } finally {
    watching.stop()
    for (const pid of await marked(marker, ['cmdline', 'environ'])) end(pid)
    cgroups.close()
    await rm(folder, { recursive: true, force: true })
  }

  async function work(): Promise<void> {
    while (next < count) {
      const number = next++
      const [name, text] = kinds[number % kinds.length] ?? ['', '']
      const own = `${marker}-${number}-`
      const sleeper = `bash -c 'exec -a ${own} sleep 10000'`
      await deploy(number, text.replaceAll('$sleeper', sleeper))
      const found = (await marked(own)).length
      if (found > 0) left[name] = (left[name] ?? 0) + found
    }
  }

  async function deploy(number: number, text: string): Promise<void> {
    const state = join(folder, `state-${number}`)
    const runner = createRunner({
      stateDirectory: state,
      stateId: `${marker}.${number}`,
      workspace: {
        fetch: () => Promise.resolve({ kind: 'tip', revision: revision('a') }),
        checkout: () => Promise.resolve({ kind: 'checked_out' }),
        messageOf: () => Promise.resolve(null),
        listRefs: () => Promise.resolve({ kind: 'refs', tips: new Map() }),
        changedFiles: () => Promise.resolve(null),
        recordBuilt: () => Promise.resolve(),
        rename: () => Promise.resolve(),
        checkoutRelease: () => Promise.resolve({ kind: 'checked_out' }),
        holds: () => Promise.resolve(true),
        reachableCommit: (_app, { revision }) => Promise.resolve(revision),
        checkedOut: () => Promise.resolve(null),
      },
      run: run({ directory: join(state, 'work'), cgroups }),
      failPoint: () => undefined,
      user: { name: 'deploy', home: folder },
      clock: systemClock,
      ...{ uid: process.getuid?.() ?? 0, handover: join(state, 'handover') },
      systemd: { searchPath: '/usr/bin:/bin', runtimeDirectory: null },
      graceMs: 300,
    })
    const nothing = (): Promise<void> => Promise.resolve()
    await runner.deploy(
      {
        app: createApp('blog', { path: join(folder, 'tree'), steps: [stepOf(text)] }),
        deployment,
        attempt: 1,
        target: null,
        previousRevision: null,
        previousRelease: null,
        skip: () => Promise.resolve(null),
        signal: new AbortController().signal,
        shutdown: new AbortController().signal,
        leave: new AbortController().signal,
        goOn: null,
      },
      {
        ...{ revision: nothing, release: nothing, stepStarted: nothing, stepFinished: nothing },
        ...{ output: nothing, endOutput: nothing, note: nothing },
        ...{ putAside: () => Promise.resolve(null), takeUp: nothing },
      },
    )
  }
}

function stepOf(text: string): Step {
  return {
    name: 'escape',
    run: { kind: 'script', shell: 'bash', text },
    timeoutMs: 1500,
    env: new Map(),
    cwd: '.',
    background: 'kill',
  }
}

const deployment: Deployment = {
  ...{ id: 1, app: 'blog', ref: 'refs/heads/main', trigger: 'push', state: 'running', attempts: 1, adopt: false },
  ...{ requestedRevision: null, revision: null, outcome: null, reason: null, message: null, supersededBy: null },
  ...{ delivery: null, queuedAt: new Date(0), startedAt: new Date(0), finishedAt: null, release: null, steps: [] },
  ...{ exact: false, forced: false, approvedAt: null, approvedBy: null, askedBy: null, note: null },
}

/** The negative control: a time limit and a signal for the one process that was started, as most programs have it. */
export const plainTimeout: typeof createRunCommand = (): RunCommand => (command, options) => {
  const [file, ...args] = command.argv
  const { cwd, env } = command
  const child = spawn(file, args, { cwd, env, stdio: 'ignore', timeout: options.timeoutMs ?? 0, killSignal: 'SIGKILL' })
  return new Promise((resolve) => {
    child.once('exit', (exitCode) => {
      resolve({ kind: 'exited', exitCode: exitCode ?? 1, leftovers: 0 })
    })
  })
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Ended meanwhile.
  }
}

/** How many marked processes there were at most at one look. */
function watch(marker: string): { stop(): number } {
  let seen = 0
  const timer = setInterval(() => void marked(marker).then(({ length }) => (seen = Math.max(seen, length))), 100)
  return {
    stop() {
      clearInterval(timer)
      return seen
    },
  }
}

/** The witness: live processes that have `marker` in their arguments or, for tidying up, in their environment. */
async function marked(marker: string, places: readonly string[] = ['cmdline']): Promise<readonly number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  const found = await Promise.all(
    names.map(async (name) => {
      const texts = places.map((place) => readFile(`/proc/${name}/${place}`, 'utf8').catch(() => ''))
      return (await Promise.all(texts)).some((text) => text.includes(marker)) ? Number(name) : null
    }),
  )
  return found.filter((pid) => pid !== null)
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

if (import.meta.main) {
  const { steps, left, seen } = await soakEscape(given(2, 100))
  const control = await soakEscape(20, { run: plainTimeout })
  console.log(JSON.stringify({ steps, left, seen, control: control.left }))
  console.log(
    `${sum(left)} processes left (none of ${steps} steps: at most ${upperBound(steps)}), ${sum(control.left)} by the control`,
  )
  process.exitCode = sum(left) === 0 && sum(control.left) > 0 ? 0 : 1
}
