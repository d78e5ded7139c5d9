import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from '../../src/model/deployment.ts'
import { openWorld, processesOf, type World } from '../support/open-world.ts'
import { until } from '../support/until.ts'

/** null: faults can be injected here; else what is missing. */
export const cannotInject: string | null =
  spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']).status === 0
    ? null
    : 'needs strace that may attach (Debian: apt-get install strace; in a container: SYS_PTRACE)'

/** System calls of one kind, and how the Nth of them fails in each process: as a full or failing disk would. */
export const faults = [
  { name: 'write', calls: 'write,pwrite64,writev,pwritev', error: 'ENOSPC' },
  { name: 'fsync', calls: 'fsync,fdatasync', error: 'EIO' },
  { name: 'rename', calls: 'rename,renameat,renameat2', error: 'EIO' },
  { name: 'open', calls: 'open,openat,openat2,creat', error: 'EMFILE' },
] as const

export type FaultsReport = {
  /** How many runs had a fault in them, by its kind. */
  readonly injected: Readonly<Record<string, number>>
  /** How the deployment ended in which a call failed. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly problems: readonly string[]
}

/**
 * Makes the Nth call of each kind fail during one push and its deployment, in the daemon and in every process that it
 * starts, for N = 1, 1 + `every`, … until none fails any more. After each, with the fault gone and nothing mended by hand:
 * what is said to be live is in the tree whole, and the push that was made is live once it is tried again.
 *
 * `spoil` is the negative control: it spoils the tree behind the daemon's back.
 */
export async function soakFaults({
  every,
  most = 400,
  spoil = false,
}: {
  readonly every: number
  readonly most?: number
  readonly spoil?: boolean
}): Promise<FaultsReport> {
  await using world = await openWorld({ blog: { steps: ['cat index.html second.html > built.html'] } })
  await world.done(await world.ship(contents(randomUUID())))
  const injected: Record<string, number> = {}
  const outcomes: Record<string, number> = {}
  const problems: string[] = []
  for (const fault of faults) {
    for (let nth = 1; nth <= most; nth += every) {
      const run = await failNth(world, { fault, nth, spoil })
      problems.push(...run.problems.map((problem) => `${fault.error} at ${fault.name} ${nth}: ${problem}`))
      if (!run.isInjected) break
      injected[fault.name] = (injected[fault.name] ?? 0) + 1
      outcomes[run.outcome] = (outcomes[run.outcome] ?? 0) + 1
    }
  }
  return { injected, outcomes, problems }
}

type Run = { readonly isInjected: boolean; readonly outcome: string; readonly problems: readonly string[] }

async function failNth(
  world: World,
  { fault, nth, spoil }: { readonly fault: (typeof faults)[number]; readonly nth: number; readonly spoil: boolean },
): Promise<Run> {
  const text = randomUUID()
  const pushed = await world.repository().push(contents(text))
  const before = (await world.deployments())[0]?.id ?? 0
  const tracer = await attach(world, `inject=${fault.calls}:error=${fault.error}:when=${nth}`)
  const answer = await world.deliver(pushed).catch(() => null)
  const faulted = answer?.status === 202 ? await settled(world, before + 1) : null
  const isInjected = await detach(tracer, world)
  if (spoil) appendFileSync(world.path('srv/blog/second.html'), 'spoiled')

  if (await hasEnded(world)) await world.start()
  const problems = faulted?.outcome === 'succeeded' ? treeProblems(world, text) : []
  const first = answer?.status === 202 ? await world.done(before + 1) : null
  if (first?.outcome !== 'succeeded') {
    if (first !== null && first.reason === null) problems.push(`it ended ${first.outcome ?? '?'} without a reason`)
    const again = first === null ? await world.deliver(pushed) : await retry(world)
    if (again.status !== 202) problems.push(`trying again was answered ${again.status}`)
    else {
      const { outcome, message } = await world.done((await world.deployments())[0]?.id ?? 0)
      if (outcome !== 'succeeded') problems.push(`trying again ended ${outcome ?? '?'}: ${message ?? ''}`)
    }
  }
  problems.push(...treeProblems(world, text))
  const left = processesOf(world.dir).filter(({ pid }) => pid !== world.daemon.pid)
  problems.push(...left.map(({ command }) => `left running: ${command}`))
  return { isInjected, outcome: first === null ? 'not acknowledged' : (first.outcome ?? '?'), problems }
}

function contents(text: string): Readonly<Record<string, string>> {
  return { 'index.html': text, 'second.html': text.repeat(1_000) }
}

function treeProblems(world: World, text: string): string[] {
  const { 'index.html': first, 'second.html': second } = contents(text)
  const wanted = { 'index.html': first, 'second.html': second, 'built.html': `${first ?? ''}${second ?? ''}` }
  return Object.entries(wanted).flatMap(([name, content]) => {
    const file = world.path('srv/blog', name)
    const found = existsSync(file) ? readFileSync(file, 'utf8') : null
    return found === content ? [] : [`${name} is ${found === null ? 'missing' : 'not what was pushed'}`]
  })
}

const tracing = 'strace.log'

async function attach(world: World, inject: string): Promise<ChildProcess> {
  const log = world.path(tracing)
  const tracer = spawn('strace', ['-f', '-qq', '-o', log, '-e', inject, '-p', String(world.daemon.pid)], {
    stdio: 'ignore',
  })
  await until('strace to be attached', () =>
    /^TracerPid:\s+[1-9]/m.test(readFileSync(`/proc/${world.daemon.pid}/status`, 'utf8')),
  )
  return tracer
}

/** Answers whether any call was made to fail. */
async function detach(tracer: ChildProcess, world: World): Promise<boolean> {
  tracer.kill('SIGINT')
  if (tracer.exitCode === null && tracer.signalCode === null) await once(tracer, 'exit')
  return readFileSync(world.path(tracing), 'utf8').includes('(INJECTED)')
}

/** The deployment once it is done; null when it does not get there before the daemon ends or patience does. */
async function settled(world: World, id: number): Promise<Deployment | null> {
  const patience = AbortSignal.timeout(20_000)
  while (!patience.aborted && !(await hasEnded(world))) {
    const found = await world.deployment(id).catch(() => null)
    if (found?.state === 'done') return found
    await sleep(50)
  }
  return null
}

async function hasEnded(world: World): Promise<boolean> {
  return (await Promise.race([world.daemon.ended, sleep(0, 'alive')])) !== 'alive'
}

async function retry(world: World): Promise<{ readonly status: number }> {
  const newest = (await world.deployments())[0]?.id ?? 0
  return world.daemon.api(`/api/deployments/${newest}/retry`, { method: 'POST' })
}

if (import.meta.main) {
  if (cannotInject !== null) throw new Error(cannotInject)
  const report = await soakFaults({ every: Number(process.argv[2] ?? 1) })
  console.log(JSON.stringify(report, null, 2))
  if (report.problems.length > 0) process.exitCode = 1
}
