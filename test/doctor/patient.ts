import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createAsk } from '../../src/doctor/ask.ts'
import type { Patient, RunningDaemon } from '../../src/doctor/patient.ts'
import { createMap } from '../support/map.ts'

/** In good health, but for the changes that a test is about; whatever it was not told of asks nobody. */
export function createPatient(change: Partial<Patient> = {}): Patient {
  return {
    map: createMap([]),
    config: { file: '/etc/deployhook/deploy.yml', problems: [], warnings: [] },
    stateDirectory: '/var/lib/deployhook',
    socket: '/run/deployhook/control.sock',
    user: { uid: process.getuid?.() ?? 0, name: 'deployhook' },
    daemon: aDaemon(),
    absence: null,
    urls: new Map(),
    versions: { node: '99.0.0', isNodeOurs: false, sqlite: '99.0.0', git: () => Promise.resolve('99.0.0') },
    changelogs: [],
    env: {},
    now: () => new Date(),
    ask: createAsk({ env: {}, timeoutMs: 5_000 }),
    program: () => Promise.resolve({ exitCode: null, output: '' }),
    listRefs: () => Promise.reject(new Error('no repository was expected to be asked')),
    diskProblems: () => Promise.resolve([]),
    signal: new AbortController().signal,
    ...change,
  }
}

export function aDaemon(change: Partial<RunningDaemon> = {}): RunningDaemon {
  return {
    pid: 4711,
    reasons: [],
    warnings: [],
    shutdownGraceMs: 60_000,
    secretUses: ({ secrets }) => Promise.resolve(secrets.map(() => null)),
    refusals: () => 0,
    ...change,
  }
}

/** Of this user alone, below directories that only root and it can write to; gone after the test. */
export async function privateDirectory(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'deployhook-doctor-')))
  await chmod(directory, 0o700)
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}
