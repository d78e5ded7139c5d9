import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import type { Log } from '../../src/lib/log.ts'
import type { Outcome } from '../../src/model/deployment.ts'
import type { Revision } from '../../src/model/revision.ts'
import { openStore, type StoreDeps } from '../../src/store/index.ts'
import type { Claim, ClaimTarget, Store } from '../../src/store/store.ts'
import { at, revision, start } from './arrival.ts'

export { arrival, at, delivery, keeping, revision, start } from './arrival.ts'

export type TestStore = { readonly store: Store; readonly directory: string }

/** A store in a temporary directory; both are gone when the test is. */
export async function openTestStore(
  directory = temporaryDirectory(),
  deps: Partial<StoreDeps> = {},
): Promise<TestStore> {
  const store = await openStore(directory, { log: silentLog, failPoint: () => undefined, ...deps })
  onTestFinished(() => store.close())
  return { store, directory }
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'deployhook-store-'))
  chmodSync(directory, 0o700)
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

const ignore = () => undefined
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/** A log that remembers its warnings. */
export function rememberingLog(): { readonly log: Log; readonly warnings: string[] } {
  const warnings: string[] = []
  return { log: { ...silentLog, warn: (_, message) => void warnings.push(message) }, warnings }
}

/** A second connection to the database, as a careless person's would be. */
export function openRaw(directory: string): DatabaseSync {
  const raw = new DatabaseSync(join(directory, 'state.db'))
  onTestFinished(() => {
    raw.close()
  })
  return raw
}

export function enqueue(store: Store, app: string, trigger: 'push' | 'manual' | 'retry' | 'catch-up' = 'push') {
  return store.enqueue({ app, trigger, ref: 'refs/heads/main', requestedRevision: null, adopt: false, at: start })
}

/** Every app in a group and a place of its own. */
export function ownTarget(app: string): ClaimTarget {
  return {
    concurrencyGroup: `group of ${app}`,
    realPath: `/srv/${app}`,
    fingerprint: `entry of ${app}`,
    approve: false,
    windows: [],
  }
}

export function claim(store: Store, resolve: (app: string) => ClaimTarget | null = ownTarget, maxRunning = 9) {
  return store.claim({ resolve, maxRunning, at: at(1) })
}

export async function claimed(store: Store): Promise<Claim> {
  const claim_ = await claim(store)
  if (claim_ === null) throw new Error('nothing could be claimed')
  return claim_
}

/** Starts the next deployment and ends it as `outcome`. */
export async function runNext(
  store: Store,
  outcome: Outcome = 'succeeded',
  how: {
    readonly reason?: string
    readonly revision?: Revision
    readonly release?: string
    readonly steps?: number
  } = {},
) {
  const { owner } = await claimed(store)
  await store.setRevision(owner, how.revision ?? revision('b'))
  if (how.release !== undefined) await store.setRelease(owner, how.release)
  for (let number = 1; number <= (how.steps ?? 0); number++)
    await store.startStep(owner, { number, name: 'make', phase: 'build', at: at(2) })
  return store.finish(owner, { outcome, reason: how.reason ?? null, message: null }, at(2))
}

export type Child = {
  readonly process: ChildProcess
  /** What it printed so far. */
  readonly lines: string[]
  readonly firstLine: Promise<string>
  readonly exited: Promise<unknown>
}

/** A process of its own that runs `child.ts`. */
export function startChild(...args: readonly string[]): Child {
  return startChildAs({}, ...args)
}

/** A user whom file modes bind: nothing would be refused to root. */
export const plainUser: { readonly id?: number } = process.getuid?.() === 0 ? { id: 65_534 } : {}

/** The child itself becomes that user, once it is loaded: this checkout may be root's alone. */
export function startChildAs({ id }: typeof plainUser, ...args: readonly string[]): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), ...args], {
    env: { ...process.env, ...(id === undefined ? {} : { BECOME: String(id) }) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const firstLine = Promise.withResolvers<string>()
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    if (lines[0] !== undefined) firstLine.resolve(lines[0])
  })
  const exited = once(child, 'close')
  void exited.then(() => {
    firstLine.reject(new Error('the child printed nothing'))
  })
  firstLine.promise.catch(ignore)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { process: child, lines, firstLine: firstLine.promise, exited }
}
