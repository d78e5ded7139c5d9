import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openStore } from '../../src/store/index.ts'
import type { Store } from '../../src/store/store.ts'
import { until } from '../support/until.ts'
import { arrival, openRaw, openTestStore, silentLog, temporaryDirectory, type TestStore } from './support.ts'

const hasStrace = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']).status === 0
const child = join(import.meta.dirname, 'child.ts')
const deps = { log: silentLog, failPoint: () => undefined }

/** What `insist` of child.ts says while strace spoils its syncs: `how` are options of strace. */
function insistUnder(how: readonly string[], directory: string): readonly string[] {
  const options = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=fsync,fdatasync']
  const { stdout } = spawnSync('strace', [...options, ...how, process.execPath, child, 'insist', directory])
  return stdout.toString().trim().split('\n')
}

/** The provider ids that a new start finds. */
async function keptIn(directory: string): Promise<ReadonlySet<string>> {
  const { store } = await openTestStore(directory)
  const deliveries = await store.deliveries({ limit: 500 })
  return new Set(deliveries.map(({ providerId }) => providerId ?? ''))
}

async function usedStore(
  failPoint: (stage: string) => void = () => undefined,
): Promise<TestStore & { readonly file: string }> {
  const { store, directory } = await openTestStore(temporaryDirectory(), { failPoint })
  await store.accept(arrival({ providerId: 'early' }))
  return { store, directory, file: join(directory, 'state.db') }
}

/** Keeps so much that the write-ahead log is moved into the database. */
async function growBeyondTheLog(store: Store): Promise<void> {
  await store.accept(arrival({ body: randomBytes(18_000_000).toString('base64') }))
}

/** What is left is this share of the file; 1: all but its last byte. */
function truncateTo(file: string, share: number): void {
  const { size } = statSync(file)
  truncateSync(file, Math.min(Math.floor(size * share), size - 1))
}

describe.skipIf(!hasStrace)('a sync that fails once (needs strace)', () => {
  it('ends the store: nothing is acknowledged from then on, and what was is there at the next start', async () => {
    const directory = temporaryDirectory()

    const said = insistUnder(['-e', 'inject=fsync,fdatasync:error=EIO:when=40'], directory)

    const acknowledged = said.filter((line) => line.startsWith('id-'))
    expect(acknowledged.length).toBeGreaterThan(10)
    expect(said.slice(-2)).toEqual(['failed', 'failed'])
    expect(new Set(acknowledged).difference(await keptIn(directory))).toEqual(new Set())
  })

  it('ends the store too when it is the one of a checkpoint, whose failure SQLite itself keeps silent about', async () => {
    const { store, directory, file } = await usedStore()
    await store.close()

    const said = insistUnder(['-P', file, '-e', 'inject=fsync,fdatasync:error=EIO:when=1'], directory)

    const acknowledged = said.filter((line) => line.startsWith('id-'))
    expect(acknowledged.length).toBeGreaterThan(10)
    expect(said.slice(-2)).toEqual(['failed', 'failed'])
    expect(existsSync(`${file}-wal`)).toBe(true)
    expect(new Set(acknowledged).difference(await keptIn(directory))).toEqual(new Set())
  })
})

describe('a database whose files go away under the running daemon', () => {
  it.each([
    [
      'is deleted',
      (file: string) => {
        rmSync(file)
      },
    ],
    [
      'is replaced by another',
      (file: string) => {
        renameSync(file, `${file}.old`)
        writeFileSync(file, 'another')
      },
    ],
  ])('refuses to keep anything when state.db %s, and says so', async (_, harm) => {
    const { store, file } = await usedStore()
    harm(file)

    const told = { code: 'failed', message: expect.stringContaining(`${file} was deleted or replaced`) as string }
    await expect(store.accept(arrival({}))).rejects.toMatchObject(told)
    await expect(store.ping()).rejects.toMatchObject(told)
    expect(await store.failed).toMatchObject(told)
  })

  it('refuses to keep anything when state.db is truncated', async () => {
    const { store, file } = await usedStore()
    truncateSync(file)
    await expect(store.accept(arrival({}))).rejects.toThrow(`${file} was truncated while the daemon ran`)
  })

  it('refuses to keep anything when state.db has grown and is truncated to the size it began with', async () => {
    const { store, file } = await usedStore()
    const { size } = statSync(file)
    await growBeyondTheLog(store)
    await until('the log to be moved', () => statSync(file).size > 18_000_000)
    truncateSync(file, size)

    await expect(store.accept(arrival({}))).rejects.toThrow(`${file} was truncated while the daemon ran`)
  })

  it.each([
    ['emptied', 0],
    ['cut in half', 0.5],
    ['cut by a byte', 1],
  ])('refuses to keep anything when its write-ahead log is %s', async (_, share) => {
    const { store, file } = await usedStore()
    truncateTo(`${file}-wal`, share)

    const told = {
      code: 'failed',
      message: expect.stringContaining(`${file}-wal was truncated while the daemon ran`) as string,
    }
    await expect(store.accept(arrival({}))).rejects.toMatchObject(told)
    await expect(store.ping()).rejects.toMatchObject(told)
    expect(await store.failed).toMatchObject(told)
  })

  it.each([
    ['emptied', 0],
    ['cut in half', 0.5],
  ])('refuses what it has just written when its write-ahead log was %s right before', async (_, share) => {
    let harm: (() => void) | null = null
    const { store, file } = await usedStore((stage) => {
      if (stage === 'before-commit') harm?.()
    })
    harm = () => {
      truncateTo(`${file}-wal`, share)
    }

    await expect(store.accept(arrival({}))).rejects.toThrow(`${file}-wal was truncated while the daemon ran`)
  })

  it('is left as it is when its write-ahead log is truncated and nothing comes any more', async () => {
    const { store, file } = await usedStore()
    truncateTo(`${file}-wal`, 0.5)
    const found = [readFileSync(file), readFileSync(`${file}-wal`)]
    await store.close()

    expect(await store.failed).toMatchObject({ message: expect.stringContaining('-wal was truncated') as string })
    expect([readFileSync(file), readFileSync(`${file}-wal`)]).toEqual(found)
  })

  it.each([
    ['moves the whole write-ahead log into it', 'pragma wal_checkpoint(truncate)'],
    ['makes it smaller', 'delete from bodies; vacuum; pragma wal_checkpoint(truncate)'],
  ])('is still the same one when somebody %s with sqlite3', async (_, statements) => {
    const { store, directory, file } = await usedStore()
    await growBeyondTheLog(store)
    await until('the log to be moved', () => statSync(file).size > 18_000_000)
    openRaw(directory).exec(statements)
    expect(statSync(`${file}-wal`).size).toBe(0)

    await store.accept(arrival({ providerId: 'late' }))
    await store.close()
    expect((await keptIn(directory)).has('late')).toBe(true)
  })

  it('is not made anew at the next start', async () => {
    const { store, directory, file } = await usedStore()
    rmSync(file)
    await store.ping().catch(() => undefined)
    await store.close()

    await expect(openStore(directory, deps)).rejects.toMatchObject({ code: 'missing_database' })
    expect(existsSync(file)).toBe(false)
  })

  it('has lost nothing that it acknowledged when its write-ahead log alone is deleted', async () => {
    const { store, directory, file } = await usedStore()
    rmSync(`${file}-wal`)

    await expect(store.accept(arrival({ providerId: 'late' }))).rejects.toMatchObject({ code: 'failed' })
    await store.close()

    expect((await keptIn(directory)).has('early')).toBe(true)
  })
})

describe('the write-ahead log', () => {
  it('is moved into the database when it is long, so that it does not grow for ever', async () => {
    const { store, file } = await usedStore()
    const body = 'x'.repeat(100_000)
    const before = statSync(file).size
    for (let push = 0; push < 1000; push++) await store.accept(arrival({ body: `${push} ${body}`, apps: [`a${push}`] }))

    expect(statSync(file).size).toBeGreaterThan(before)
    expect(statSync(`${file}-wal`).size).toBeLessThan(20_000_000)
  })

  it('is not moved into a database that was harmed since the commit before', async () => {
    const { store, file } = await usedStore()
    await store.accept(arrival({ body: randomBytes(18_000_000).toString('base64') }))
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(4_000 * 4_096)
    truncateSync(file)

    expect(await store.failed).toMatchObject({
      message: expect.stringContaining(`${file} was truncated while the daemon ran`) as string,
    })
    expect(statSync(file).size).toBe(0)
  })
})
