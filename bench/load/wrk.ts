import { execa } from 'execa'
import { join } from 'node:path'

export type Load = {
  /** Accepted; and with those that were refused. */
  readonly perSecond: number
  readonly answeredPerSecond: number
  /** Answers in all. */
  readonly requests: number
  /** Those with a status of 400 and above. */
  readonly failed: number
  /** Connections refused, cut or silent. */
  readonly broken: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly mostMs: number
}

/** Sends the pushes of a file (`writePushes`), each once, over so many connections for so long. */
export async function load(
  wrk: string,
  {
    address,
    pushes,
    connections,
    seconds,
  }: { readonly address: string; readonly pushes: string; readonly connections: number; readonly seconds: number },
): Promise<Load> {
  const { stdout } = await execa(
    wrk,
    [
      ...['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s'],
      ...['-s', join(import.meta.dirname, 'push.lua'), address, '--', pushes, '/hooks/github'],
    ],
    { stdin: 'ignore' },
  )
  const result = /^RESULT (.*)$/m.exec(stdout)?.[1]
  if (result === undefined) throw new Error(`wrk told no result: ${stdout}`)
  const told = JSON.parse(result) as Record<
    'requests' | 'micros' | 'failed' | 'broken' | 'p50' | 'p99' | 'most',
    number
  >
  return {
    answeredPerSecond: told.requests / (told.micros / 1e6),
    perSecond: (told.requests - told.failed) / (told.micros / 1e6),
    requests: told.requests,
    failed: told.failed,
    broken: told.broken,
    p50Ms: told.p50 / 1000,
    p99Ms: told.p99 / 1000,
    mostMs: told.most / 1000,
  }
}
