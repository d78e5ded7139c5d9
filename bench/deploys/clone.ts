import { execa } from 'execa'
import type { Marker } from './marker.ts'
import type { Origin } from './origin.ts'

/** What most people have: a clone of their own, and a script that brings it to the newest commit. */
export async function cloneOf(origin: Origin, path: string): Promise<void> {
  await git('clone', '--quiet', origin.url, path)
}

/** From the start of the script to its first command after git, in milliseconds. */
export async function scriptToFirstStep(path: string, marker: Marker, revision: string): Promise<number> {
  const tookMs = await scriptTakes(
    `cd ${path} && git fetch --quiet && git reset --quiet --hard FETCH_HEAD && sh -c '${marker.command}'`,
    marker,
  )
  const { stdout: head } = await git('-C', path, 'rev-parse', 'HEAD')
  if (head !== revision) throw new Error(`the script has ${head}, not ${revision}`)
  return tookMs
}

/** From the start of the script to its first command after the clone, in milliseconds. */
export async function cloneToFirstStep(origin: Origin, path: string, marker: Marker): Promise<number> {
  return scriptTakes(`git clone --quiet ${origin.url} ${path} && cd ${path} && sh -c '${marker.command}'`, marker)
}

async function scriptTakes(script: string, marker: Marker): Promise<number> {
  const begun = marker.next()
  const begunAt = performance.now()
  const [at] = await Promise.all([begun, execa('sh', ['-c', script], { stdin: 'ignore' })])
  return at - begunAt
}

async function git(...args: readonly string[]) {
  return execa('git', args, { stdin: 'ignore' })
}
