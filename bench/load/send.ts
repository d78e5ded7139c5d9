/**
 * Sends pushes over so many connections, as fast as they are answered, each once: `node send.ts FILE`. A process of its
 * own, so that what it measures is not its own waiting for others.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { bodyOf, headersOf, pushTemplate, signed } from './pushes.ts'
import { percentile } from '../support/finding.ts'

export type Sending = {
  readonly address: string
  readonly secret: string
  readonly connections: number
  /** In the order in which they are sent. */
  readonly pushes: readonly { readonly repository: string; readonly revision: string }[]
}

export type Sent = {
  readonly seconds: number
  /** Status → how many were answered with it. */
  readonly statuses: Readonly<Record<string, number>>
  readonly p50Ms: number
  readonly p99Ms: number
  readonly mostMs: number
}

export const sender = fileURLToPath(import.meta.url)

if (process.argv[1] === sender) {
  const sending = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Sending
  process.stdout.write(JSON.stringify(await send(sending)))
}

async function send({ address, secret, connections, pushes }: Sending): Promise<Sent> {
  const templates = new Map(pushes.map(({ repository }) => [repository, pushTemplate(repository)]))
  const requests = pushes.map(({ repository, revision }) => {
    const template = templates.get(repository) ?? pushTemplate(repository)
    return { headers: headersOf(signed(revision, { template, secret })), body: bodyOf(template, revision) }
  })
  const pool = new Pool(address, { connections, pipelining: 1 })
  const statuses: Record<string, number> = {}
  const times: number[] = []
  let next = 0
  const sendOn = async () => {
    for (let request = requests[next++]; request !== undefined; request = requests[next++]) {
      const sentAt = performance.now()
      const answer = await pool.request({ path: '/hooks/github', method: 'POST', ...request })
      await answer.body.dump()
      times.push(performance.now() - sentAt)
      statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1
    }
  }
  const begunAt = performance.now()
  await Promise.all(Array.from({ length: connections }, sendOn))
  const seconds = (performance.now() - begunAt) / 1000
  await pool.close()
  const at = (share: number) => percentile(times, share)
  return { seconds, statuses, p50Ms: at(0.5), p99Ms: at(0.99), mostMs: at(1) }
}
