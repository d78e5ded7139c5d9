import { spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bareFastify } from './sides/bare-fastify.ts'
import { compiled, environmentOfUnit, waitingApps, writeDeployFile } from './sides/deployhook.ts'
import { freePort } from './sides/free-port.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'

/** From the start of the process to the first 200 of `/readyz`. */
export const start: Benchmark = {
  name: 'start',
  title: 'Start of a daemon with 100 apps, until /readyz answers 200',
  run,
}

async function run({ dir, rounds }: Bench): Promise<Found> {
  await mkdir(dir, { recursive: true })
  await writeDeployFile({ dir, apps: waitingApps(100, dir) })
  const serve = (state: string, port: number) => [
    ...[compiled, 'serve', '--config', join(dir, 'deploy.yml'), '--state', join(dir, state)],
    ...['--listen', `127.0.0.1:${port}`],
  ]
  const started = async (argv: (port: number) => readonly string[], env = {}) => {
    const port = await freePort()
    return msUntilReady(argv(port), { port, env })
  }
  const ours = environmentOfUnit()
  const measured = await alternate(
    {
      again: () => started((port) => serve('state', port), ours),
      first: async (round) => {
        const ms = await started((port) => serve(`state-${round}`, port), ours)
        await rm(join(dir, `state-${round}`), { recursive: true })
        return ms
      },
      bare: () => started((port) => [bareFastify, String(port)]),
    },
    rounds,
    { warmUps: 1 },
  )
  const theirs = { who: 'bare Fastify', values: measured.bare }
  return {
    findings: [
      {
        ...{ what: 'start, 100 apps', unit: 'ms', ours: measured.again, theirs },
        target: { of: 'ratio', is: 'at most', limit: 2.5 },
      },
      { what: 'first start, without a state directory', unit: 'ms', ours: measured.first, theirs, target: null },
    ],
    remarks: ['Both are compiled JavaScript, each a process of its own; /readyz of deployhook writes to its database.'],
  }
}

async function msUntilReady(
  argv: readonly string[],
  { port, env }: { readonly port: number; readonly env: Readonly<Record<string, string>> },
): Promise<number> {
  const begunAt = performance.now()
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said}`)
      await sleep(1)
    }
    return performance.now() - begunAt
  } finally {
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await closed
  }
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    }).on('error', () => {
      resolve(false)
    })
  })
}
