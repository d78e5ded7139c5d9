import { randomBytes } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { FailPoint } from '../../../src/lib/fail-point.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { App } from '../../../src/model/deploy-map.ts'
import type { DeploymentResult } from '../../../src/model/deployment.ts'
import { noFloor, type DiskFloor } from '../../../src/runner/disk-floor.ts'
import { createRunCommand } from '../../../src/runner/exec.ts'
import { createRunner } from '../../../src/runner/index.ts'
import type { Job, Progress, Runner } from '../../../src/runner/runner.ts'
import { deployment } from '../deploying.ts'
import { createGitWorld, type GitWorld } from '../git/git-world.ts'
import { processesWith } from '../running.ts'

/** Real git, real processes, and a runner that makes releases of `blog` in `srv/blog`. */
export type Releasing = Omit<GitWorld, 'deploy'> & {
  readonly runner: Runner
  /** What the deployments' logs were told, in order. */
  readonly told: string[]
  readonly output: () => string
  /** What `current` leads to, or null. */
  current(): string | null
  /** The releases that are there, in the order of their names. */
  releases(): readonly string[]
  /** Deployment `id` of the branch's tip; what succeeded before it is known by its release and revision. */
  deploy(id: number, app?: Partial<App>, job?: Partial<Job>): Promise<DeploymentResult>
  /** Pushes a file `page` with this text, and deploys it. */
  ship(id: number, text: string, app?: Partial<App>, job?: Partial<Job>): Promise<DeploymentResult>
}

export async function createReleasing(
  options: { readonly failPoint?: FailPoint; readonly floor?: DiskFloor } = {},
): Promise<Releasing> {
  const failPoint = options.failPoint ?? (() => undefined)
  const world = await createGitWorld({ failPoint })
  const stateId = `test${randomBytes(8).toString('hex')}`
  const told: string[] = []
  const chunks: Buffer[] = []
  const runner = createRunner({
    stateDirectory: world.state,
    stateId,
    workspace: world.workspace,
    run: createRunCommand({ directory: join(world.state, 'work') }),
    failPoint,
    floor: options.floor ?? noFloor,
    user: { name: 'deploy', home: '/nonexistent' },
    uid: process.getuid?.() ?? 0,
    handover: world.path('handover'),
    clock: systemClock,
    systemd: { searchPath: '/usr/bin:/bin', runtimeDirectory: null },
    graceMs: 1_000,
  })
  onTestFinished(() => {
    expect(processesWith(stateId)).toEqual([])
  })
  let good: Pick<Job, 'previousRelease' | 'previousRevision'> = { previousRelease: null, previousRevision: null }

  const releasing: Releasing = {
    ...world,
    runner,
    told,
    output: () => Buffer.concat(chunks).toString(),
    current: () => currentIn(world.path('srv/blog')),
    releases: () => readdirSync(world.path('srv/blog/releases')).sort(),
    async deploy(id, change = {}, job = {}) {
      const app = world.app({ strategy: 'releases', onFailure: 'rollback', ...change })
      const underway = { release: good.previousRelease, revision: good.previousRevision }
      const progress: Progress = {
        revision: (revision) => say(`revision ${(underway.revision = revision).slice(0, 12)}`),
        release: (name) => say(`release ${(underway.release = name)}`),
        stepStarted: ({ number, name, phase }) => say(`step ${number} started: ${name} (${phase})`),
        stepFinished: ({ number, exitCode }) => say(`step ${number} finished: ${exitCode ?? 'by a signal'}`),
        output: (_step, chunk) => Promise.resolve(void chunks.push(Buffer.from(chunk))),
        endOutput: () => Promise.resolve(),
        putAside: () => Promise.resolve(null),
        takeUp: () => Promise.resolve(),
        note: (text) => say(`# ${text}`),
      }
      const result = await runner.deploy(
        {
          app,
          deployment: deployment({ id }),
          attempt: 1,
          target: null,
          ...good,
          skip: () => Promise.resolve(null),
          signal: new AbortController().signal,
          shutdown: new AbortController().signal,
          leave: new AbortController().signal,
          goOn: null,
          ...job,
        },
        progress,
      )
      if (result.outcome === 'succeeded')
        good = { previousRelease: underway.release, previousRevision: underway.revision }
      return result
    },
    async ship(id, text, app, job) {
      await world.repository.push({ page: text })
      return releasing.deploy(id, app, job)
    },
  }
  return releasing

  function say(text: string): Promise<void> {
    told.push(text)
    return Promise.resolve()
  }
}

function currentIn(path: string): string | null {
  try {
    return readlinkSync(join(path, 'current'))
  } catch {
    return null
  }
}
