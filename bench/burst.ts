import { execa } from 'execa'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createOrigin, type Origin } from './deploys/origin.ts'
import { sender, type Sending, type Sent } from './load/send.ts'
import { startAdnanhWebhook } from './sides/adnanh-webhook.ts'
import { secret, startDeployhook, type Deployhook } from './sides/deployhook.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import type { Finding } from './support/finding.ts'
import { missing, programOf } from './support/programs.ts'

/** What becomes of a burst of pushes: whether all are answered, and how often what is run for them. */
export const burst: Benchmark = {
  name: 'burst',
  title:
    '10,000 signed pushes over 50 repositories, sent over 64 connections as fast as they are answered; a step of 100 ms',
  run,
}

const repositories = 50
const connections = 64
const pushesToUs = 10_000
/** adnanh/webhook starts a process for each push, all at once: of 10,000 the machine would see little else for minutes. */
const pushesToPeer = 1_000

async function run({ dir, rounds, note }: Bench): Promise<Found> {
  const webhook = await programOf('webhook')
  const origins = await createOrigins(join(dir, 'origins'))
  const script = await writeScript(dir)
  // A whole round takes some ten seconds; the medians of three say enough.
  const { us, peer } = await alternate(
    {
      us: (round) => {
        note(`round ${round + 1}`)
        return burstOfUs({ dir: join(dir, `us-${round}`), origins, script })
      },
      peer:
        'missing' in webhook
          ? null
          : (round) => burstOfPeer(webhook.path, { dir: join(dir, `peer-${round}`), origins, script }),
    },
    Math.min(rounds, 3),
  )
  return {
    findings: findingsOf(us, peer),
    skipped: missing({ 'adnanh/webhook': webhook }),
    remarks: [
      'Each push names a commit of its repository, the last ones its tip. The sender runs on the same cores.',
      `adnanh/webhook gets ${pushesToPeer.toLocaleString('en')} pushes only, for it starts as many processes at once as pushes come. It has no queue: what it runs is whatever is there when the script comes to its turn.`,
      'The script of both makes a lock file of its repository by O_EXCL, sleeps for 100 ms and removes it; it counts when the file was there already.',
    ],
  }
}

type Burst = {
  /** Of all answers, those between 200 and 299, in %. */
  readonly answeredWell: number
  readonly perSecond: number
  readonly p99Ms: number
  /** Of the repository that had the most. */
  readonly mostRuns: number
  /** Runs that began while another one of the same repository was under way. */
  readonly overlaps: number
}

function findingsOf(us: readonly Burst[], peer: readonly Burst[]): readonly Finding[] {
  const finding = (of: keyof Burst, finding: Omit<Finding, 'ours' | 'theirs'>): Finding => ({
    ...finding,
    ours: us.map((one) => one[of]),
    theirs: peer.length === 0 ? null : { who: 'adnanh/webhook', values: peer.map((one) => one[of]) },
  })
  const value = (is: 'at least' | 'at most', limit: number) => ({ of: 'value', is, limit }) as const
  return [
    finding('answeredWell', { what: 'answered 2xx', unit: '%', target: value('at least', 100) }),
    finding('perSecond', { what: 'answers', unit: '/s', target: null }),
    finding('p99Ms', { what: 'p99 of an answer', unit: 'ms', target: value('at most', 250) }),
    finding('mostRuns', { what: 'runs of one repository, at most', unit: '', target: value('at most', 3) }),
    finding('overlaps', { what: 'runs beside another of the same', unit: '', target: value('at most', 0) }),
  ]
}

type Burstable = { readonly dir: string; readonly origins: readonly Origin[]; readonly script: string }

async function burstOfUs({ dir, origins, script }: Burstable): Promise<Burst> {
  const counts = join(dir, 'counts')
  await mkdir(counts, { recursive: true })
  const apps = origins.map((origin, at) => {
    const app = {
      repo: origin.url,
      aliases: [`github.com/${repositoryOf(at)}`],
      path: join(dir, `srv/app-${at}`),
      steps: [[script, join(counts, String(at))]],
    }
    return [`app-${at}`, app] as const
  })
  await using us = await startDeployhook({ dir: join(dir, 'us'), apps: Object.fromEntries(apps) })
  const sent = await send(us.address, { dir, pushes: pushesOf(origins, pushesToUs) })
  await newestIsLive(us, origins)
  const runs = await runsIn(counts)
  return { ...answersOf(sent), ...runs }
}

async function burstOfPeer(program: string, { dir, origins, script }: Burstable): Promise<Burst> {
  const counts = join(dir, 'counts')
  await mkdir(counts, { recursive: true })
  const byRepository = join(dir, 'by-repository')
  const text = `#!/bin/sh\nexec ${script} ${counts}/"\${1##*-}"\n`
  await writeFile(byRepository, text, { mode: 0o755 })
  await using peer = await startAdnanhWebhook(program, {
    ...{ dir: join(dir, 'peer'), command: byRepository },
    args: [{ source: 'payload', name: 'repository.full_name' }],
  })
  const pushes = pushesOf(origins, pushesToPeer)
  const sent = await send(peer.address, { dir, pushes })
  while ((await endsIn(counts)) < pushes.length) await wait(200)
  return { ...answersOf(sent), ...(await runsIn(counts)) }
}

/** Round by round of all repositories, the newest commit last. */
function pushesOf(origins: readonly Origin[], count: number): Sending['pushes'] {
  const each = count / repositories
  return Array.from({ length: count }, (_, nth) => {
    const at = nth % repositories
    const revision = origins[at]?.pushes.slice(-each)[Math.floor(nth / repositories)] ?? ''
    return { repository: repositoryOf(at), revision }
  })
}

async function send(address: string, { dir, pushes }: { readonly dir: string; readonly pushes: Sending['pushes'] }) {
  const file = join(dir, 'pushes.json')
  await writeFile(file, JSON.stringify({ address, secret, connections, pushes } satisfies Sending))
  const { stdout } = await execa(process.execPath, [sender, file], { stdin: 'ignore' })
  return JSON.parse(stdout) as Sent
}

function answersOf({ statuses, seconds, p99Ms }: Sent): Pick<Burst, 'answeredWell' | 'perSecond' | 'p99Ms'> {
  const all = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  const well = Object.entries(statuses).filter(([status]) => status.startsWith('2'))
  const answeredWell = (well.reduce((sum, [, count]) => sum + count, 0) / all) * 100
  return { answeredWell, perSecond: all / seconds, p99Ms }
}

/** Waits until nothing is queued or running; throws unless each app then has the tip of its repository. */
async function newestIsLive(us: Deployhook, origins: readonly Origin[]): Promise<void> {
  for (;;) {
    const { queued, running } = (await us.api('/api/status')).body as {
      readonly queued: number
      readonly running: number
    }
    if (queued + running === 0) break
    await wait(200)
  }
  const { apps } = (await us.api('/api/apps')).body as {
    readonly apps: readonly { readonly name: string; readonly live: { readonly revision: string } | null }[]
  }
  for (const [at, { pushes }] of origins.entries()) {
    const app = apps.find(({ name }) => name === `app-${at}`)
    if (app?.live?.revision !== pushes.at(-1)) throw new Error(`app-${at} is not at the tip of its repository`)
  }
}

function repositoryOf(at: number): string {
  return `acme/app-${at}`
}

async function createOrigins(dir: string): Promise<readonly Origin[]> {
  const origins: Origin[] = []
  for (let at = 0; at < repositories; at++) {
    const pushes = pushesToUs / repositories
    const origin = await createOrigin({ path: join(dir, `app-${at}.git`), files: 5, pushes })
    await origin.moveTo(origin.pushes.at(-1) ?? '')
    origins.push(origin)
  }
  return origins
}

/** `script FILE`: counts its runs in FILE.runs, those beside another one in FILE.overlaps, its ends in FILE.ends. */
async function writeScript(dir: string): Promise<string> {
  const script = join(dir, 'step')
  const text = `#!/bin/sh
echo >> "$1.runs"
if (set -C; : > "$1.lock") 2> /dev/null; then sleep 0.1; rm "$1.lock"; else echo >> "$1.overlaps"; sleep 0.1; fi
echo >> "$1.ends"
`
  await writeFile(script, text, { mode: 0o755 })
  return script
}

async function runsIn(counts: string): Promise<Pick<Burst, 'mostRuns' | 'overlaps'>> {
  const [runs, overlaps] = await Promise.all([linesIn(counts, '.runs'), linesIn(counts, '.overlaps')])
  await rm(counts, { recursive: true })
  return { mostRuns: Math.max(...runs), overlaps: overlaps.reduce((sum, count) => sum + count, 0) }
}

async function endsIn(counts: string): Promise<number> {
  return (await linesIn(counts, '.ends')).reduce((sum, count) => sum + count, 0)
}

async function linesIn(counts: string, suffix: string): Promise<readonly number[]> {
  const names = (await readdir(counts)).filter((name) => name.endsWith(suffix))
  return Promise.all(names.map(async (name) => (await readFile(join(counts, name), 'utf8')).length))
}
