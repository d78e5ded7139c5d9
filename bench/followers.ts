import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultLimits } from '../src/http/limits.ts'
import { follow, type Follower } from './load/follower.ts'
import { makeRepository } from './load/repository.ts'
import { startDeployhook, type Deployhook } from './sides/deployhook.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import { forgetMostResident, mostResidentMiB } from './support/resident.ts'

/** Many who look on. */
export const followers: Benchmark = {
  name: 'followers',
  title: 'A live log of 8 MB and 200 who follow it, beside one',
  run,
}

const many = 200
/** Of the many: they stop to read near the beginning, are let go, and go on by Last-Event-ID. */
const slow = 20
const lines = 2_000
/** From the first event that a slow one does not take until it is let go, beyond the daemon's patience. */
const letGoMs = 2_000
const writes = `i=0; text=$(printf '%4000s' | tr ' ' x)
while [ $i -lt ${lines} ]; do i=$((i + 1)); echo "line $i $text"; [ $((i % 100)) -eq 0 ] && sleep 0.1; done; true`

async function run({ dir, rounds }: Bench): Promise<Found> {
  const repo = await makeRepository(join(dir, 'git'))
  const apps = { loud: { repo, path: join(dir, 'srv'), steps: [writes] } }
  await using one = await startDeployhook({ dir: join(dir, 'one'), apps })
  await using all = await startDeployhook({
    dir: join(dir, 'all'),
    apps: { loud: { ...apps.loud, path: join(dir, 'srv2') } },
  })
  const measured = await alternate({ all: () => watch(all, many, slow), one: () => watch(one, 1, 0) }, rounds)
  return {
    findings: [
      {
        ...{ what: 'resident memory, at most', unit: 'MiB', ours: measured.all.map(({ resident }) => resident) },
        theirs: { who: 'one follower', values: measured.one.map(({ resident }) => resident) },
        target: { of: 'difference', is: 'at most', limit: 40 },
      },
      {
        ...{ what: 'from the last line to the end of the last follower that kept up', unit: 'ms' },
        ours: measured.all.map(({ behindMs }) => behindMs),
        theirs: { who: 'one follower', values: measured.one.map(({ behindMs }) => behindMs) },
        target: null,
      },
    ],
    remarks: [
      `Each follower has seen every one of the ${lines} lines once and in order, also the ${slow} that read nothing for most of the time, were let go by the daemon and resumed by Last-Event-ID.`,
    ],
  }
}

async function watch(daemon: Deployhook, count: number, slowOnes: number) {
  const socket = join(daemon.state, '../control.sock')
  forgetMostResident(daemon.pid)
  const { body } = await daemon.api('/api/apps/loud/deploy', { method: 'POST', body: {} })
  const { deployment } = body as { deployment: { id: number } }
  const all = await Promise.all(Array.from({ length: count }, () => follow(socket, deployment.id)))
  const stalled = all.slice(0, slowOnes)
  await seen(all, lines / 10)
  for (const follower of stalled) follower.pause()
  const pausedAt = Date.now()

  let resident = 0
  const watching = setInterval(() => (resident = Math.max(resident, mostResidentMiB(daemon.pid))), 100)
  const finishedAt = await doneAt(daemon, deployment.id)
  await Promise.all(all.slice(slowOnes).map(({ ended }) => ended))
  const behindMs = Date.now() - finishedAt
  if (stalled.some((follower) => follower.lines() === lines)) throw new Error('the slow followers were not slow')
  if (slowOnes > 0) await sleep(Math.max(0, pausedAt + defaultLimits.followerMs + letGoMs - Date.now()))
  for (const follower of stalled) await follower.resume()
  await Promise.all(stalled.map(({ ended }) => ended))
  clearInterval(watching)
  for (const follower of all)
    if (follower.lines() !== lines) throw new Error(`a follower saw ${follower.lines()} lines`)
  return { resident: Math.max(resident, mostResidentMiB(daemon.pid)), behindMs }
}

async function seen(all: readonly Follower[], count: number): Promise<void> {
  while (all.some((follower) => follower.lines() < count)) await sleep(10)
}

async function doneAt(daemon: Deployhook, id: number): Promise<number> {
  for (;;) {
    const { body } = await daemon.api(`/api/deployments/${id}`)
    const { state, outcome, finishedAt } = body as { state: string; outcome: string | null; finishedAt: string }
    if (state === 'done' && outcome !== 'succeeded') throw new Error(`the deployment ended ${outcome ?? '?'}`)
    if (state === 'done') return Date.parse(finishedAt)
    await sleep(50)
  }
}
