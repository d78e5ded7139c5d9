/**
 * The main job on real input, to be watched: a bare repository, a clone, a deploy.yml, the real daemon, two pushes with
 * their GitHub deliveries, one forged and one repeated. Exit 0, or 1 with the reason if anything is not as it should be.
 * `--keep` leaves it running and tells how to push to it; anything else is answered with the usage, and exit 2.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openClient, type Client } from '../src/cli/client.ts'
import type { Signed } from '../src/providers/provider.ts'
import { startDaemon, type DemoDaemon } from './daemon.ts'
import { githubPush } from './github.ts'
import { screen } from './screen.ts'
import { createStage, deliverByItself, repository, site, type Stage } from './stage.ts'

type Play = {
  readonly stage: Stage
  readonly daemon: DemoDaemon
  readonly client: Client
  readonly startedInMs: number
}
type Shipped = {
  readonly id: number
  readonly after: string
  readonly sent: Signed
  readonly answeredMs: number
  readonly liveMs: number
}

const asked = askedFor(process.argv.slice(2))
if ('problem' in asked) {
  process.stderr.write(`${asked.problem}\nUsage: npm run demo [-- --keep]\n`)
  process.exitCode = 2
} else {
  try {
    await demo(asked)
  } catch (error) {
    screen.bad(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}

function askedFor(args: string[]): { readonly keep: boolean } | { readonly problem: string } {
  try {
    return parseArgs({ args, options: { keep: { type: 'boolean', default: false } } }).values
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

async function demo({ keep }: { readonly keep: boolean }): Promise<void> {
  const stage = await createStage()
  screen.title('A bare repository, a clone, and a deploy.yml')
  screen.line(stage.config)

  const begunAt = performance.now()
  const daemon = await startDaemon(stage)
  screen.title(`The daemon listens on ${daemon.address}`)
  const play = { stage, daemon, client: openClient(stage.socket), startedInMs: performance.now() - begunAt }

  try {
    const first = await ship(play, { message: 'Say hello', greeting: 'Hello' })
    const second = await ship(play, { message: 'Say it to the world', greeting: 'Hello, world' })
    await sendForged(play, second)
    await sendAgain(play, second)
    await summary(play, [first, second])
  } catch (error) {
    await end(play)
    throw error
  }
  await (keep ? leaveRunning(play) : end(play))
}

/** A commit, its push, its delivery, and its deployment to the end. */
async function ship(play: Play, change: { readonly message: string; readonly greeting: string }): Promise<Shipped> {
  const { stage, daemon, client } = play
  const { before, after } = await stage.push(change.message, site(change.greeting))
  screen.title(`Push ${short(after)} to main: ${change.message}`)
  const sent = githubPush({ repository, ref: 'refs/heads/main', before, after, message: change.message }, stage.secret)

  const sentAt = performance.now()
  const { status, body } = await post(daemon, sent)
  const answeredMs = performance.now() - sentAt
  const id = body.deployments?.[0]?.id
  demand(status === 202 && id !== undefined, `a verified push is answered 202, not ${status} ${JSON.stringify(body)}`)
  screen.line(
    `delivery answered ${status} ${body.result ?? ''} in ${answeredMs.toFixed(0)} ms: deployment ${id} is on disk`,
  )

  const { outcome, message } = await watch(client, id)
  const liveMs = performance.now() - sentAt
  demand(outcome === 'succeeded', `deployment ${id} was to succeed, and is ${outcome ?? 'not done'}: ${message ?? ''}`)
  const page = await readFile(join(stage.live, 'public/index.html'), 'utf8')
  demand(
    page.includes(`${change.greeting}\n`) && page.includes(after),
    `the live page is not “${change.greeting}” of ${after}`,
  )
  screen.good(`“${change.greeting}” is live, ${seconds(liveMs)} after its delivery was sent`)
  return { id, after, sent, answeredMs, liveMs }
}

/** Shows every change of state and every line of output as it happens; gives how it ended. */
async function watch(client: Client, id: number): Promise<{ outcome: string | null; message: string | null }> {
  let state = ''
  for await (const event of await client.followLog(id, { lastId: null, signal: AbortSignal.timeout(15_000) })) {
    if (event.kind === 'end') break
    if (event.kind === 'line') screen.output(event.step, event.text)
    if (event.kind !== 'state' || event.deployment.state === state) continue
    state = event.deployment.state
    screen.state(event.deployment.outcome === null ? state : `${state}: ${event.deployment.outcome}`)
  }
  return client.deployment(id)
}

async function sendForged({ stage, daemon }: Play, { after }: Shipped): Promise<void> {
  screen.title('A forged delivery, signed with another secret')
  const forged = githubPush({ repository, ref: 'refs/heads/main', before: after, after }, `not-${stage.secret}`)
  const { status, body } = await post(daemon, forged)
  demand(status === 401, `a forged delivery is answered 401, not ${status}`)
  screen.good(`answered ${status} ${JSON.stringify(body)}: nothing of it is kept`)
}

async function sendAgain({ daemon }: Play, { sent }: Shipped): Promise<void> {
  screen.title('The last delivery once more')
  const { status, body } = await post(daemon, sent)
  demand(
    status === 200 && body.result === 'duplicate',
    `a repeated delivery is a duplicate, not ${status} ${JSON.stringify(body)}`,
  )
  screen.good(`answered ${status} ${JSON.stringify(body)}: nothing runs twice`)
}

async function summary({ client, stage, startedInMs }: Play, shipped: readonly Shipped[]): Promise<void> {
  const { apps } = await client.apps()
  const live = apps[0]?.live
  const newest = shipped.at(-1)
  demand(live?.revision === newest?.after, `${newest?.after ?? '?'} is to be live, not ${live?.revision ?? 'nothing'}`)
  const { deployments } = await client.deployments({})
  demand(
    deployments.length === shipped.length,
    `${shipped.length} deployments for ${shipped.length} pushes, not ${deployments.length}`,
  )

  screen.title('Summary')
  screen.line(`blog is live in ${stage.live}`)
  screen.line(`from ${live?.revision ?? ''}, deployment ${live?.deployment ?? ''}`)
  screen.line(`daemon up in ${seconds(startedInMs)}`)
  for (const { id, after, answeredMs, liveMs } of shipped) {
    const { steps } = await client.deployment(id)
    const parts = steps.map(
      ({ name, startedAt, finishedAt }) => `${name} ${seconds(Date.parse(finishedAt ?? '') - Date.parse(startedAt))}`,
    )
    screen.line(
      `deployment ${id} of ${short(after)}: answered in ${answeredMs.toFixed(0)} ms, live in ${seconds(liveMs)} (${parts.join(', ')})`,
    )
  }
}

async function leaveRunning({ stage, daemon }: Play): Promise<void> {
  await deliverByItself(stage, daemon.address)
  const deployhook = `${process.execPath} ${join(import.meta.dirname, '../src/main.ts')}`
  screen.title('It goes on running: push to it yourself')
  screen.plain(`
  cd ${stage.clone}
  echo 'Hello from me' > pages/index.txt
  git commit -am 'Say it myself' && git push        # the repository delivers by itself now

  export DEPLOYHOOK_SOCKET=${stage.socket}
  ${deployhook} logs blog -f
  ${deployhook} explain blog

  kill ${daemon.pid} && rm -r ${stage.directory}    # when you have seen enough
`)
  process.exit(0)
}

async function end({ stage, daemon, client }: Play): Promise<void> {
  await client.close()
  const exitCode = await daemon.stop()
  await rm(stage.directory, { recursive: true, force: true })
  demand(exitCode === 0, `the daemon ends with exit code 0 on SIGTERM, not ${exitCode ?? '?'}`)
}

type Answer = { readonly result?: string; readonly deployments?: readonly { readonly id: number }[] }

async function post(
  { address }: DemoDaemon,
  { headers, body }: Signed,
): Promise<{ readonly status: number; readonly body: Answer }> {
  const answer = await fetch(`${address}/hooks/github`, {
    method: 'POST',
    headers: { ...headers },
    body: new Uint8Array(body),
  })
  return { status: answer.status, body: (await answer.json()) as Answer }
}

function demand(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise)
}

function short(revision: string): string {
  return revision.slice(0, 8)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
