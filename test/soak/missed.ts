import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startDaemon, type Daemon } from '../support/daemon.ts'
import { createRepository } from '../support/repository.ts'
import { given } from './given.ts'
import { upperBound } from './upper-bound.ts'

export type Missed = {
  readonly pushes: number
  /** Live although catch-up was off: must be 0, or the count below proves nothing. */
  readonly liveWithoutCatchUp: number
  readonly live: number
  /** From the start of the daemon until the last of them was live. */
  readonly tookMs: number
}

/**
 * Pushes to `pushes` apps, five to a repository, while the daemon is down, and counts whose files are there afterwards:
 * first with `catch_up: off`, for as long as a catch-up may take to begin, then with the default. The files are the
 * witness, not the daemon. `node test/soak/missed.ts [COUNT]` pushes 20.
 */
export async function soakMissed(pushes: number, { controlMs = 2_000 } = {}): Promise<Missed> {
  const folder = await mkdtemp(join(tmpdir(), 'deployhook-missed-'))
  const apps = Array.from({ length: pushes }, (_, n) => ({
    name: `app-${n}`,
    branch: `b-${n}`,
    repository: Math.floor(n / 5),
  }))
  const started: Daemon[] = []
  const tree = (name: string): string => join(folder, 'srv', name)
  const liveCount = async (text: string): Promise<number> => {
    const found = await Promise.all(
      apps.map(({ name }) => readFile(join(tree(name), 'version'), 'utf8').catch(() => '')),
    )
    return found.filter((version) => version === text).length
  }
  const start = async (catchUp: string): Promise<Daemon> => {
    const entries = apps.map(({ name, branch, repository }) => [
      name,
      { repo: join(folder, `${repository}.git`), branch, path: tree(name), steps: ['true'], catch_up: catchUp },
    ])
    const map = { apps: Object.fromEntries(entries) as object, server: { allow_root_steps: true } }
    await writeFile(join(folder, 'deploy.yml'), JSON.stringify(map), { mode: 0o600 })
    const [config, state, socket] = [join(folder, 'deploy.yml'), join(folder, 'state'), join(folder, 'control.sock')]
    const daemon = await startDaemon({ config, state, socket })
    started.push(daemon)
    return daemon
  }
  const stop = async (daemon: Daemon): Promise<void> => {
    daemon.kill('SIGTERM')
    await daemon.ended
  }

  try {
    const names = [...new Set(apps.map(({ repository }) => String(repository)))]
    const repositories = await Promise.all(
      names.map((name) => createRepository(join(folder, `${name}.git`), join(folder, `${name}.clone`))),
    )
    const pushAll = async (version: string): Promise<void> => {
      for (const [index, repository] of repositories.entries()) {
        const branches = apps
          .filter(({ repository: of }) => of === index)
          .map(({ branch }) => `HEAD:refs/heads/${branch}`)
        await repository.push({ version })
        await repository.git('push', '-q', 'origin', ...branches)
      }
    }

    await pushAll('1')
    const first = await start('off')
    await Promise.all(apps.map(({ name }) => first.api(`/api/apps/${name}/deploy`, { method: 'POST' })))
    await allLive('1')
    await stop(first)
    await pushAll('2')

    const control = await start('off')
    await sleep(controlMs)
    const liveWithoutCatchUp = await liveCount('2')
    await stop(control)

    const startedAt = performance.now()
    const daemon = await start('5m')
    await allLive('2')
    const tookMs = Math.round(performance.now() - startedAt)
    await stop(daemon)
    return { pushes, liveWithoutCatchUp, live: await liveCount('2'), tookMs }
  } finally {
    for (const daemon of started) daemon.kill('SIGKILL')
    await Promise.all(started.map(({ ended }) => ended))
    await rm(folder, { recursive: true, force: true })
  }

  /** Until all are, or until one catch-up interval is over. */
  async function allLive(version: string): Promise<void> {
    const deadline = performance.now() + intervalMs
    while ((await liveCount(version)) < pushes && performance.now() < deadline) await sleep(50)
  }
}

const intervalMs = 300_000

if (import.meta.main) {
  const missed = await soakMissed(given(2, 20))
  console.log(JSON.stringify(missed))
  console.log(
    `${missed.pushes - missed.live} of ${missed.pushes} pushes not live (none: at most ${upperBound(missed.pushes)}),` +
      ` ${missed.pushes - missed.liveWithoutCatchUp} without catch-up`,
  )
  if (missed.live < missed.pushes || missed.liveWithoutCatchUp > 0) process.exitCode = 1
}
