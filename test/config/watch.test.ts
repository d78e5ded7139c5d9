import { appendFile, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { watchDeployMap, type WatchOptions } from '../../src/config/watch.ts'
import { makeFolder } from './support.ts'

/** Watches `file` until the test ends. `changes(n)` waits for the n-th call, and fails loudly instead of for ever. */
function watching(file: string, changed: Partial<WatchOptions> = {}) {
  const ended = new AbortController()
  onTestFinished(() => {
    ended.abort()
  })
  let count = 0
  watchDeployMap(file, { signal: ended.signal, quietMs: 100, onChange: () => void (count += 1), ...changed })
  return {
    count: () => count,
    end: () => {
      ended.abort()
    },
    changes: (wanted: number) => expect.poll(() => count, { timeout: 20_000, interval: 20 }).toBe(wanted),
  }
}

describe('watching deploy.yml', () => {
  it('notices a write in place', async () => {
    const file = join(await makeFolder(), 'deploy.yml')
    await writeFile(file, 'one')
    const watch = watching(file)
    await writeFile(file, 'two')
    await watch.changes(1)
  })

  it('notices an editor that writes a new file and renames it over the old one, again and again', async () => {
    const folder = await makeFolder()
    const file = join(folder, 'deploy.yml')
    await writeFile(file, 'zero')
    const watch = watching(file)
    for (const turn of [1, 2, 3]) {
      await writeFile(join(folder, '.deploy.yml.swp'), `turn ${turn}`)
      await rename(join(folder, '.deploy.yml.swp'), file)
      await watch.changes(turn)
    }
  })

  it('tells a burst of changes once, when it is over', async () => {
    const file = join(await makeFolder(), 'deploy.yml')
    await writeFile(file, '')
    const watch = watching(file, { quietMs: 600 })
    for (let part = 0; part < 50; part += 1) await appendFile(file, `part ${part}\n`)
    expect(watch.count()).toBe(0)
    await watch.changes(1)
    await writeFile(file, 'after the burst')
    await watch.changes(2)
  })

  it('notices a file that is removed and one that comes back', async () => {
    const file = join(await makeFolder(), 'deploy.yml')
    await writeFile(file, 'one')
    const watch = watching(file)
    await rm(file)
    await watch.changes(1)
    await writeFile(file, 'two')
    await watch.changes(2)
  })

  it('does not mind its neighbours', async () => {
    const folder = await makeFolder()
    const file = join(folder, 'deploy.yml')
    await writeFile(file, 'one')
    const watch = watching(file)
    // Hears the same and tells it later: when it has told, the first one would have.
    const neighbour = watching(join(folder, 'state.db'), { quietMs: 500 })
    for (let turn = 0; turn < 20; turn += 1) await writeFile(join(folder, 'state.db'), `turn ${turn}`)
    await neighbour.changes(1)
    expect(watch.count()).toBe(0)
    await writeFile(file, 'two')
    await watch.changes(1)
  })

  it('follows a link to a file elsewhere', async () => {
    const [folder, elsewhere] = [await makeFolder(), await makeFolder()]
    await writeFile(join(elsewhere, 'real.yml'), 'one')
    await symlink(join(elsewhere, 'real.yml'), join(folder, 'deploy.yml'))
    const watch = watching(join(folder, 'deploy.yml'))
    await writeFile(join(elsewhere, 'real.yml'), 'two')
    await watch.changes(1)
  })

  it('notices when Kubernetes swaps ..data, and goes on watching what it leads to then', async () => {
    const folder = await makeFolder()
    for (const version of ['..v1', '..v2']) {
      await mkdir(join(folder, version))
      await writeFile(join(folder, version, 'deploy.yml'), version)
      // The same size and times, so that only the other inode tells them apart.
      await utimes(join(folder, version, 'deploy.yml'), 1, 1)
    }
    await symlink('..v1', join(folder, '..data'))
    await symlink('..data/deploy.yml', join(folder, 'deploy.yml'))
    const watch = watching(join(folder, 'deploy.yml'))
    await symlink('..v2', join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    await watch.changes(1)
    await writeFile(join(folder, '..v2', 'deploy.yml'), 'edited in the new place')
    await watch.changes(2)
  })

  it('finds the file again when its whole directory was replaced', async () => {
    const folder = await makeFolder()
    await mkdir(join(folder, 'etc'))
    await writeFile(join(folder, 'etc/deploy.yml'), 'one')
    const watch = watching(join(folder, 'etc/deploy.yml'), { lookEveryMs: 50 })
    await rename(join(folder, 'etc'), join(folder, 'etc.old'))
    await watch.changes(1)
    await mkdir(join(folder, 'etc'))
    await writeFile(join(folder, 'etc/deploy.yml'), 'two')
    await watch.changes(2)
  })

  it('starts before there is a file, or a directory for it', async () => {
    const folder = await makeFolder()
    const watch = watching(join(folder, 'etc/deploy.yml'), { lookEveryMs: 50 })
    await mkdir(join(folder, 'etc'))
    await writeFile(join(folder, 'etc/deploy.yml'), 'one')
    await watch.changes(1)
  })

  it('hands on what the listener throws, and goes on', async () => {
    const file = join(await makeFolder(), 'deploy.yml')
    await writeFile(file, 'one')
    const errors: unknown[] = []
    let calls = 0
    watching(file, {
      onError: (error) => errors.push(error),
      onChange: () => {
        calls += 1
        throw new Error(`call ${calls}`)
      },
    })
    for (const turn of [1, 2]) {
      await writeFile(file, `turn ${turn}`)
      await expect.poll(() => errors.length, { timeout: 20_000 }).toBe(turn)
    }
    expect(errors).toEqual([new Error('call 1'), new Error('call 2')])
  })

  it('is silent after its signal', async () => {
    const file = join(await makeFolder(), 'deploy.yml')
    await writeFile(file, 'one')
    const [ended, other] = [watching(file), watching(file)]
    ended.end()
    await writeFile(file, 'two')
    await other.changes(1)
    expect(ended.count()).toBe(0)
  })
})
