import { execa } from 'execa'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDistinct, demandAccepted } from './load/distinct.ts'
import { startDeployhook, waitingApps, type Deployhook } from './sides/deployhook.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import { fsyncMsIn } from './support/machine.ts'
import { missing, programOf } from './support/programs.ts'

/** What durability costs: how many syncs a push takes when many come at once, and how long one waits that comes alone. */
export const fsyncs: Benchmark = {
  name: 'fsyncs',
  title: 'Syncs to the disk for each accepted push, and the time of a push that comes alone',
  run,
}

async function run({ dir, rounds, note }: Bench): Promise<Found> {
  const [wrk, strace] = await Promise.all([programOf('wrk'), programOf('strace')])
  if ('missing' in wrk) return { findings: [], skipped: [`all of it: ${wrk.missing}`] }

  const distinct = createDistinct(wrk.path, { dir })
  await using us = await startDeployhook({ dir: join(dir, 'us'), apps: waitingApps(10, dir) })
  const send = async (connections: number, seconds: number) =>
    demandAccepted(await distinct({ address: us.address, connections, seconds }))

  note('warming up')
  await send(64, 2)
  const alone: number[] = []
  const oneSync: number[] = []
  const each: number[] = []
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}`)
    oneSync.push(fsyncMsIn(dir))
    alone.push((await send(1, 2)).p50Ms)
    if (!('missing' in strace)) {
      const counted = await syncsDuring(() => send(64, 2), { strace: strace.path, us, dir })
      each.push(counted.syncs / counted.result.requests)
    }
  }
  return {
    findings: [
      ...(each.length === 0
        ? []
        : [
            {
              ...{ what: 'syncs a push, 64 connections', unit: '' as const, ours: each },
              theirs: { who: 'one each', values: each.map(() => 1) },
              target: { of: 'value', is: 'at most', limit: 0.1 } as const,
            },
          ]),
      {
        ...{ what: 'a push alone, median', unit: 'ms', ours: alone },
        theirs: { who: 'one write and sync of 4 KiB', values: oneSync },
        target: { of: 'ratio', is: 'at most', limit: 1.2 },
      },
    ],
    skipped: missing({ 'syncs a push': strace }),
    remarks: ['Counted by strace, which makes the daemon slower; checkpoints of the database are counted too.'],
  }
}

async function syncsDuring<T>(
  work: () => Promise<T>,
  { strace, us, dir }: { readonly strace: string; readonly us: Deployhook; readonly dir: string },
): Promise<{ readonly result: T; readonly syncs: number }> {
  const trace = join(dir, 'trace')
  const tracer = execa(
    strace,
    ['-f', '-qq', '-e', 'trace=fsync,fdatasync,sync_file_range,msync', '-o', trace, '-p', String(us.pid)],
    {
      reject: false,
      stdin: 'ignore',
    },
  )
  while (!(await isTraced(us.pid))) await sleep(20)
  const result = await work()
  tracer.kill('SIGINT')
  await tracer
  const calls = (await readFile(trace, 'utf8'))
    .split('\n')
    .filter((line) => / f(?:data)?sync\(|msync\(|sync_file_range\(/.test(line))
  return { result, syncs: calls.length }
}

async function isTraced(pid: number): Promise<boolean> {
  return !/^TracerPid:\s+0$/m.test(await readFile(`/proc/${pid}/status`, 'utf8'))
}
