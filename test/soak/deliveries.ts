import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { Agent, request } from 'undici'
import type { Delivery } from '../../src/model/delivery.ts'
import { fixtures, providerOf, sentBy, verify, type Fixture } from '../providers/fixtures.ts'
import { parsed, startDaemon, type Daemon } from '../support/daemon.ts'
import { given } from './given.ts'
import { upperBound } from './upper-bound.ts'

export type DeliveriesReport = {
  /** How many were answered with each status. */
  readonly answers: Readonly<Record<string, number>>
  /** Answers that are wrong; each a sentence. After the first, nothing more is sent. */
  readonly problems: readonly string[]
}

/**
 * Sends mutations of every provider's fixtures to a real daemon over a real socket, until one is answered wrongly: one
 * that was believed and that nobody proved, a 500, or an answer that DESIGN §6 does not know.
 * `node test/soak/deliveries.ts [COUNT]` sends 50,000.
 *
 * `believesAll` is the negative control: a daemon that takes every signature for the right one.
 */
export async function soakDeliveries(count: number, { believesAll = false } = {}): Promise<DeliveriesReport> {
  const folder = await mkdtemp(join(tmpdir(), 'deployhook-soak-'))
  const dispatcher = new Agent({ connections: atOnce })
  const answers: Record<string, number> = {}
  const problems: string[] = []
  let daemon: Daemon | null = null
  try {
    await configure(folder)
    daemon = await startDaemon({
      config: join(folder, 'deploy.yml'),
      state: join(folder, 'state'),
      socket: join(folder, 'control.sock'),
      env: believesAll ? { NODE_OPTIONS: `--import=${believeAll}` } : {},
    })
    const { address, pid } = daemon
    let before = 0
    for (let sent = 0; sent < count; sent += perRound) {
      const round = fc.sample(mutation, { numRuns: Math.min(perRound, count - sent), seed: sent + 1 })
      for (let at = 0; at < round.length; at += atOnce) {
        await Promise.all(
          round.slice(at, at + atOnce).map(async (one) => {
            const { status, problem } = await send(one, { address, dispatcher })
            if (problem !== null) problems.push(`${one.fixture.provider}/${one.fixture.name}: ${problem}`)
            answers[status] = (answers[status] ?? 0) + 1
          }),
        )
        if (problems.length > 0) return { answers, problems }
      }
      if (before === 0) before = await memoryOf(pid)
    }
    const grown = (await memoryOf(pid)) - before
    if (grown > maxGrowth) throw new Error(`the daemon's memory has grown by ${grown} bytes`)
    await expectRightPush(address, dispatcher)
    return { answers, problems }
  } finally {
    daemon?.kill('SIGKILL')
    await daemon?.ended
    await dispatcher.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const believeAll = pathToFileURL(`${import.meta.dirname}/believe-all.ts`).href
const atOnce = 20
const perRound = 1000
const maxGrowth = 128 * 1024 * 1024

/** One webhook for each way in which some fixture is proven. */
function webhookOf({ provider, secret, options }: Fixture): string {
  const key = JSON.stringify([provider, secret, options])
  if (!webhooks.has(key)) webhooks.set(key, `hook-${webhooks.size}`)
  return webhooks.get(key) ?? ''
}
const webhooks = new Map<string, string>()

async function configure(folder: string): Promise<void> {
  execFileSync('git', ['init', '--quiet', '--bare', join(folder, 'blog.git')])
  const entries = fixtures.map(async (fixture) => {
    const file = join(folder, `${webhookOf(fixture)}.secret`)
    await writeFile(file, fixture.secret, { mode: 0o600 })
    const { provider, options } = fixture
    return [webhookOf(fixture), { provider, secret: { file }, allow_weak_secret: true, ...options }] as const
  })
  const map = {
    webhooks: Object.fromEntries(await Promise.all(entries)),
    apps: {
      blog: {
        repo: join(folder, 'blog.git'),
        aliases: ['github.com/acme/blog'],
        path: join(folder, 'tree'),
        steps: ['true'],
      },
    },
    // A sender of its own for each request: else all but the first few refusals would be answered 429.
    server: { allow_root_steps: true, trust_proxy: ['127.0.0.1'] },
  }
  await writeFile(join(folder, 'deploy.yml'), JSON.stringify(map), { mode: 0o600 })
}

type Mutation = {
  readonly fixture: Fixture
  readonly header: number
  readonly change: (value: string) => readonly string[]
  readonly changeBody: (body: Buffer) => Buffer
  readonly sender: string
}

/** What fits into a header; the rest never gets past a client. */
const headerText = fc.string({ unit: 'binary-ascii' }).map((text) => text.replace(/[^\t\x20-\x7e]/g, '~'))

const mutation: fc.Arbitrary<Mutation> = fc.record({
  fixture: fc.constantFrom(...fixtures),
  header: fc.nat(),
  change: fc.oneof(
    fc.constant((value: string) => [value]),
    fc.constant((): readonly string[] => []),
    fc.constant((value: string) => [value, value]),
    fc.constant((value: string) => [`${value}, ${value}`]),
    fc.constant((value: string) => [value.toUpperCase()]),
    headerText.map((text) => () => [text]),
    headerText.map((text) => (value: string) => [value + text]),
    fc.nat().map((at) => (value: string) => [value.slice(0, at % (value.length + 1))]),
  ),
  changeBody: fc.oneof(
    fc.constant((body: Buffer) => body),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => () => Buffer.from(bytes)),
    fc.uint8Array({ maxLength: 8 }).map((bytes) => (body: Buffer) => Buffer.concat([body, bytes])),
    fc.nat().map((at) => (body: Buffer) => body.subarray(0, at % (body.length + 1))),
  ),
  sender: fc.ipV4(),
})

async function send(
  { fixture, header, change, changeBody, sender }: Mutation,
  { address, dispatcher }: { readonly address: string; readonly dispatcher: Agent },
): Promise<{ readonly status: number; readonly problem: string | null }> {
  const { secret } = fixture
  const provider = providerOf(fixture)
  const delivery = renewed(fixture, new Date())
  const right = verify(provider, delivery, [secret])
  if ('refused' in right) throw new Error(`the fixture itself is refused: ${right.refused}`)
  const own = Object.entries(delivery.headers).map(([name, text]) => [name, String(text)] as const)
  const [changed = '', value = ''] = own[header % own.length] ?? []
  const headers = [
    ...own.filter(([name]) => name !== changed),
    ...change(value).map((text) => [changed, text] as const),
  ]
  const body = changeBody(delivery.body)
  const answer = await request(`${address}/hooks/${webhookOf(fixture)}`, {
    method: 'POST',
    dispatcher,
    headers: [...headers.flat(), 'x-forwarded-for', sender],
    body,
  })
  const text = await answer.body.text()
  const status = answer.statusCode
  const believed = status === 200 || status === 202 || status === 400
  const arrived = Object.fromEntries(own.map(([name]) => [name, joined(headers, name)]))
  const judged = verify(provider, { ...delivery, headers: arrived, body }, [secret])
  const kept = proofOf(fixture).every((name) => {
    const [made, text] = [own.find(([other]) => other === name)?.[1] ?? '', arrived[name] ?? '']
    return [text, ...text.split(' ')].includes(made)
  })
  if (believed && !kept) return { status, problem: `${status} for another proof than was made` }
  return {
    status,
    problem: problemOf({
      status,
      text,
      believed,
      proven: !('refused' in judged),
      // As verified: of a form, Gogs and its kin sign the text in it, so that what is beside it may be anything.
      bodyKept: !('refused' in judged) && judged.body.equals(right.body),
      fixture,
    }),
  }
}

/** A proof that holds a time is made anew; all others are those of the fixture. */
function renewed(fixture: Fixture, now: Date): Delivery {
  const { delivery, secret } = fixture
  const provider = providerOf(fixture)
  const late = verify(provider, { ...delivery, receivedAt: now }, [secret])
  if (!('refused' in late) || late.refused !== 'stale') return { ...delivery, receivedAt: now }
  const made = sentBy(provider, delivery.body, { secret, at: now }).headers
  const proof = proofOf(fixture).map((name) => {
    const isEncoded = String(delivery.headers[name]).includes('%')
    return [name, isEncoded ? encodeURIComponent(String(made[name])) : String(made[name])] as const
  })
  return { ...delivery, headers: { ...delivery.headers, ...Object.fromEntries(proof) }, receivedAt: now }
}

/** The headers without which the fixture is not believed, but for the content's type: that is no proof, in any spelling. */
function proofOf(fixture: Fixture): readonly string[] {
  const { delivery, secret } = fixture
  const provider = providerOf(fixture)
  const proofs = Object.keys(delivery.headers).filter((name) => name !== 'content-type')
  return proofs.filter((name) => {
    const headers = { ...delivery.headers, [name]: undefined }
    return 'refused' in verify(provider, { ...delivery, headers }, [secret])
  })
}

/** As Node hands over what came: without spaces around it, several as one. */
function joined(headers: readonly (readonly [string, string])[], name: string): string | undefined {
  const values = headers.filter(([other]) => other === name).map(([, text]) => text.replace(/^[\t ]+|[\t ]+$/g, ''))
  // Of these Node keeps the first: https://nodejs.org/api/http.html#messageheaders
  if (/^(?:authorization|content-type|user-agent)$/.test(name)) return values[0]
  return values.length === 0 ? undefined : values.join(', ')
}

function problemOf(told: {
  readonly status: number
  readonly text: string
  readonly believed: boolean
  readonly proven: boolean
  readonly bodyKept: boolean
  readonly fixture: Fixture
}): string | null {
  const { status, text, believed, proven, bodyKept, fixture } = told
  if (believed && !proven) return `${status} for what nobody proved`
  if (believed && !bodyKept && fixture.signatureCoversBody) return `${status} for another body than was signed`
  if (!known.has(status)) return `${status} is no answer of a webhook: ${text}`
  const body = parsed(text)
  const isTold = typeof body === 'object' && body !== null && ('result' in body || 'error' in body)
  return isTold ? null : `${status} without a result or an error: ${text}`
}

const known = new Set([200, 202, 400, 401, 413, 415, 429, 431])

async function expectRightPush(address: string, dispatcher: Agent): Promise<void> {
  const fixture = fixtures.find(({ provider, name }) => provider === 'github' && name === 'push')
  if (fixture === undefined) throw new Error('there is no fixture of a push')
  const body = { ...(JSON.parse(fixture.delivery.body.toString()) as object), after: 'c'.repeat(40) }
  const { headers, body: bytes } = sentBy(providerOf(fixture), body, {
    secret: fixture.secret,
    headers: { 'x-github-delivery': `after-the-soak-${Date.now()}` },
  })
  const { statusCode, body: answer } = await request(`${address}/hooks/${webhookOf(fixture)}`, {
    method: 'POST',
    dispatcher,
    headers: Object.entries(headers).flatMap(([name, value]) => [name, String(value)]),
    body: bytes,
  })
  const text = await answer.text()
  if (statusCode !== 202) throw new Error(`a right push was answered ${statusCode}: ${text}`)
}

async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

if (import.meta.main) {
  const started = Date.now()
  const { answers, problems } = await soakDeliveries(given(2, 50_000))
  const control = await soakDeliveries(500, { believesAll: true })
  const seconds = Math.round((Date.now() - started) / 1000)
  const sent = Object.values(answers).reduce((sum, count) => sum + count, 0)
  console.log(JSON.stringify({ seconds, answers, problems, control: control.problems }))
  console.log(
    `${problems.length} wrong answers to ${sent} (none: at most ${upperBound(sent)}), ${control.problems.length} of the control`,
  )
  process.exitCode = problems.length === 0 && control.problems.length > 0 ? 0 : 1
}
