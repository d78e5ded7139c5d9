import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import type { World } from '../support/open-world.ts'
import { until } from '../support/until.ts'

// strace counts calls for each thread and process by itself, so each is traced by itself: the daemon's main thread (where
// SQLite works), its pool thread (of which it is given one), and each git command, by a wrapper in the daemon's PATH. In
// the daemon only calls on files of the world fail: when a write to its eventfd does, libuv aborts, and none ever does.

/** Calls by what they do, and how they fail: as on a full, a failing disk, or with too many files open. */
const kinds = {
  write: { calls: 'write,pwrite64,writev,pwritev', errors: ['ENOSPC', 'EIO'] },
  fsync: { calls: 'fsync,fdatasync', errors: ['EIO'] },
  rename: { calls: 'rename,renameat,renameat2', errors: ['EIO'] },
  open: { calls: 'open,openat,openat2,creat', errors: ['EMFILE', 'EACCES'] },
  symlink: { calls: 'symlink,symlinkat', errors: ['EIO', 'ENOSPC'] },
} as const

export type Kind = keyof typeof kinds

/** One call that a deployment makes on a file: the `nth` of its kind at that place. */
export type FaultPoint = {
  readonly kind: Kind
  /** A thread of the daemon, or the number of a git command; every process of that command has an `nth` of its own. */
  readonly place: 'main' | 'pool' | number
  readonly nth: number
  /** What was called, on which file. */
  readonly call: string
}

export type Traps = {
  /** What the daemon is to be started with. */
  readonly env: Readonly<Record<string, string>>
  /** The calls that `deploy` brings about, which answers what was called how in it. */
  rehearse(deploy: () => Promise<Names>): Promise<readonly FaultPoint[]>
  /** Makes that call of the coming deployment fail. To be disarmed, which answers whether a call has failed. */
  arm(point: FaultPoint, names: Names): Promise<() => Promise<boolean>>
}

/** What is called otherwise in each deployment. */
export type Names = {
  readonly deployment: number
  /** The release that it makes: each name that it may get, as long as it has none. */
  readonly made: readonly string[]
  /** The releases before it. */
  readonly earlier: readonly string[]
}

/** null: calls can be made to fail here; else what is missing. */
export function hindrance(): string | null {
  const sleeper = spawn('sleep', ['9'], { stdio: 'ignore' })
  try {
    const tracer = spawnSync('timeout', ['--signal=INT', '0.2', 'strace', '-qq', '-p', String(sleeper.pid)])
    if (tracer.status === 124) return null // it was still attached
    const why = tracer.stderr.toString().trim()
    return `strace cannot attach here (apt-get install strace; in a container --cap-add SYS_PTRACE): ${why}`
  } finally {
    sleeper.kill('SIGKILL')
  }
}

export function layTraps(world: World): Traps {
  const at = (name: string): string => world.path('traps', name)
  const allCalls = Object.values(kinds)
    .map(({ calls }) => calls)
    .join(',')
  mkdirSync(at('bin'), { recursive: true })
  writeFileSync(at('bin/git'), wrapper(world.path('traps')), { mode: 0o755 })
  tellGit('none')
  let rehearsed: readonly Line[] = []

  return {
    env: { PATH: `${at('bin')}:${process.env['PATH'] ?? ''}`, UV_THREADPOOL_SIZE: '1' },

    async rehearse(deploy) {
      tellGit('all', `-y -e trace=${allCalls}`)
      const tracers = await Promise.all(
        (['main', 'pool'] as const).map((thread) => attach(thread, ['-y', '-e', `trace=${allCalls}`])),
      )
      const names = await deploy()
      for (const tracer of tracers) await tracer.detach()
      tellGit('none')
      const logs = readdirSync(world.path('traps')).filter((name) => name.startsWith('log.'))
      const lines = logs.flatMap((name) => linesOf(readFileSync(at(name), 'utf8'), placeOf(name)))
      rehearsed = lines.map((line) => ({ ...line, path: marked(line.path, names) }))
      return pointsOf(rehearsed.map((line) => ({ ...line, isOurs: isOurs(line.path) })))
    },

    async arm({ kind, place, nth }, names) {
      const { calls, errors } = kinds[kind]
      const inject = [
        '-e',
        `trace=${calls}`,
        '-e',
        `inject=${calls}:error=${errors[nth % errors.length] ?? ''}:when=${nth}`,
      ]
      const log = at(`log.${place}`)
      rmSync(log, { force: true })
      const hasFailed = (): boolean => existsSync(log) && readFileSync(log, 'utf8').includes('(INJECTED)')
      if (typeof place === 'number') {
        tellGit(String(place), inject.join(' '))
        return () => {
          tellGit('none')
          return Promise.resolve(hasFailed())
        }
      }
      const paths = rehearsed.filter((line) => line.place === place && isOurs(line.path)).map(({ path }) => path)
      const files = [...new Set(paths)].flatMap((path) => named(path, names)).flatMap((path) => ['-P', path])
      const tracer = await attach(place, [...inject, ...files])
      return async () => {
        await tracer.detach()
        return hasFailed()
      }
    },
  }

  /** A file of the world, and not one whose name nobody can know before. */
  function isOurs(path: string): boolean {
    return path.startsWith(`${world.dir}/`) && !path.includes('/state/work/pipe-')
  }

  /** Which of the coming git commands, counted from 1, is to be traced how. */
  function tellGit(which: string, how = ''): void {
    writeFileSync(at('number'), '0\n')
    writeFileSync(at('which'), `${which} ${how}\n`)
  }

  async function attach(thread: 'main' | 'pool', how: readonly string[]): Promise<{ detach(): Promise<void> }> {
    const { pid } = world.daemon
    const id = thread === 'main' ? String(pid) : poolThreadOf(pid)
    const tracer = spawn('strace', ['-qq', '-o', at(`log.${thread}`), ...how, '-p', id], { stdio: 'ignore' })
    await until('strace to be attached', () => {
      if (tracer.exitCode !== null) throw new Error(`strace ended with ${tracer.exitCode}`)
      return /^TracerPid:\s+[1-9]/m.test(readFileSync(`/proc/${pid}/task/${id}/status`, 'utf8'))
    })
    return { detach: () => end(tracer) }
  }
}

/** Traces the git command that is asked for: none of what git itself starts comes by here. */
function wrapper(dir: string): string {
  const which = (tool: string): string =>
    spawnSync('sh', ['-c', `command -v ${tool}`])
      .stdout.toString()
      .trim()
  return [
    '#!/bin/sh',
    `read -r number < ${dir}/number`,
    `echo $((number += 1)) > ${dir}/number`,
    `read -r wanted how < ${dir}/which`,
    `if [ "$wanted" = "$number" ] || [ "$wanted" = all ]; then`,
    `  exec ${which('strace')} -f -qq -o ${dir}/log.$number $how ${which('git')} "$@"`,
    'fi',
    `exec ${which('git')} "$@"`,
    '',
  ].join('\n')
}

function poolThreadOf(pid: number): string {
  const found = readdirSync(`/proc/${pid}/task`).find(
    (id) => readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim() === 'libuv-worker',
  )
  if (found === undefined) throw new Error('the daemon has no thread for its files yet')
  return found
}

async function end(tracer: ChildProcess): Promise<void> {
  if (tracer.exitCode !== null || tracer.signalCode !== null) return
  const ended = once(tracer, 'exit')
  tracer.kill('SIGINT')
  await ended
}

type Line = {
  readonly kind: Kind
  readonly place: FaultPoint['place']
  readonly process: string
  readonly path: string
}

function placeOf(log: string): FaultPoint['place'] {
  const name = log.slice('log.'.length)
  return name === 'main' || name === 'pool' ? name : Number(name)
}

/** `12 openat(AT_FDCWD</srv>, "/etc/x", …` and `12 write(3</srv/x>, …`; a process alone in its log has no number. */
function linesOf(log: string, place: FaultPoint['place']): readonly Line[] {
  return log.split('\n').flatMap((line) => {
    const [, process = '', call = '', rest = ''] = /^(?:(\d+) +)?(\w+)\((.*)/.exec(line) ?? []
    const kind = (Object.keys(kinds) as Kind[]).find((name) => kinds[name].calls.split(',').includes(call))
    if (kind === undefined) return []
    const [, open = ''] = /<([^>]*)>/.exec(rest) ?? []
    const told = [...rest.matchAll(/"([^"]*)"/g)].map(([, text = '']) => text)
    const name = kind === 'symlink' ? told[1] : kind === 'open' || kind === 'rename' ? told[0] : undefined
    const path = name === undefined ? open : name.startsWith('/') ? name : `${open}/${name}`
    return [{ kind, place, process, path }]
  })
}

/** By kind. Counted as strace will: in the daemon the calls on our files, in a git command all of them. */
function pointsOf(lines: readonly (Line & { readonly isOurs: boolean })[]): readonly FaultPoint[] {
  const counts = new Map<string, number>()
  const points = new Map<string, FaultPoint>()
  for (const { kind, place, process, path, isOurs } of lines) {
    if (!isOurs && typeof place !== 'number') continue
    const counter = `${kind} ${place} ${process}`
    const nth = (counts.get(counter) ?? 0) + 1
    counts.set(counter, nth)
    const id = `${kind} ${place} ${nth}`
    if (isOurs && !points.has(id)) points.set(id, { kind, place, nth, call: `${kind} of ${path}` })
  }
  const order = Object.keys(kinds)
  return [...points.values()].sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind))
}

/** A path with marks in place of what is called otherwise in each deployment. */
function marked(path: string, { deployment, made, earlier }: Names): string {
  const own = new RegExp(`(?<=/state/(?:logs|work/steps)/|/releases/\\.making-)${deployment}(?=[.-])`, 'g')
  const ofReleases = [made, earlier].flatMap((names, index) =>
    names.map((name) => [name, marks.releases[index] ?? ''] as const),
  )
  return ofReleases.reduce((text, [name, mark]) => text.replaceAll(name, mark), path.replaceAll(own, marks.deployment))
}

/** The paths that a marked one may stand for. */
function named(path: string, { deployment, made, earlier }: Names): readonly string[] {
  const own = path.replaceAll(marks.deployment, String(deployment))
  const mark = marks.releases.find((one) => own.includes(one))
  if (mark === undefined) return [own]
  return [made, earlier][marks.releases.indexOf(mark)]?.map((name) => own.replaceAll(mark, name)) ?? []
}

const marks = { deployment: '{deployment}', releases: ['{made}', '{earlier}'] } as const
