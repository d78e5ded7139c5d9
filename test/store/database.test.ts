import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { openDatabase, refuseOldSqlite } from '../../src/store/database.ts'
import { openStore } from '../../src/store/index.ts'
import {
  arrival,
  openRaw,
  openTestStore,
  plainUser,
  rememberingLog,
  silentLog,
  startChild,
  startChildAs,
  temporaryDirectory,
} from './support.ts'

const deps = { log: silentLog, failPoint: () => undefined }

/** A state directory that was used and closed. */
async function usedDirectory(): Promise<string> {
  const { store, directory } = await openTestStore()
  for (let push = 0; push < 50; push++) await store.accept(arrival({ apps: [`app-${push}`] }))
  await store.close()
  return directory
}

function giveTo({ id }: typeof plainUser, directory: string): void {
  if (id === undefined) return
  const names = readdirSync(directory)
  for (const path of [directory, ...names.map((name) => join(directory, name))]) chownSync(path, id, id)
}

describe('a state directory', () => {
  it('is made on first use, for this user alone', async () => {
    const directory = join(temporaryDirectory(), 'not', 'yet')

    const { store } = await openTestStore(directory)
    const sink = await store.openLog(1, [])
    await sink.note('hello')
    await sink.close()

    const modes = ['.', 'logs', 'state.db', 'lock', 'daemon.pid', 'logs/1.log'].map((name) => [
      name,
      (statSync(join(directory, name)).mode & 0o777).toString(8),
    ])
    expect(Object.fromEntries(modes)).toEqual({
      '.': '700',
      logs: '700',
      'state.db': '600',
      lock: '600',
      'daemon.pid': '600',
      'logs/1.log': '600',
    })
  })

  it('keeps its ids for life', async () => {
    const { store, directory } = await openTestStore()
    await store.close()
    const { store: again } = await openTestStore(directory)
    const { store: other } = await openTestStore()

    expect(store.stateId).toMatch(/^[0-9a-f]{32}$/)
    expect(store.databaseId).toMatch(/^[0-9a-f]{32}$/)
    expect(again).toMatchObject({ stateId: store.stateId, databaseId: store.databaseId })
    expect(other.stateId).not.toBe(store.stateId)
    expect(other.databaseId).not.toBe(store.databaseId)
  })

  it('is closed to others when it was readable by them (systemd makes it 0755)', async () => {
    const directory = temporaryDirectory()
    chmodSync(directory, 0o755)
    await openTestStore(directory)

    expect(statSync(directory).mode & 0o777).toBe(0o700)
  })

  it.each([
    ['others can write to it', 0o777, []],
    ['others can read what else is in it', 0o755, ['index.html']],
  ])('is refused, and left as it is, when %s', async (_, mode, files) => {
    const directory = temporaryDirectory()
    for (const name of files) writeFileSync(join(directory, name), '')
    chmodSync(directory, mode)

    await expect(openStore(directory, deps)).rejects.toMatchObject({
      code: 'directory',
      message: expect.stringContaining('chmod 700') as string,
    })
    expect(statSync(directory).mode & 0o777).toBe(mode)
    expect(readdirSync(directory)).toEqual(files)
  })

  it.each(['logs', 'mirrors', 'trees', 'views', 'adopted', 'homes', 'kept'])(
    'is refused, with the cure, when its %s is a file',
    async (name) => {
      const directory = await usedDirectory()
      const path = join(directory, name)
      rmSync(path, { recursive: true, force: true })
      writeFileSync(path, '')

      await expect(openStore(directory, deps)).rejects.toMatchObject({
        code: 'directory',
        message: `${path} is not a directory, but deployhook keeps one there: move it away`,
      })
    },
  )

  it('is refused, with the cure, when its logs lead to a place that is not there', async () => {
    const directory = await usedDirectory()
    const path = join(directory, 'logs')
    rmSync(path, { recursive: true })
    symlinkSync('/nowhere/logs', path)

    await expect(openStore(directory, deps)).rejects.toMatchObject({
      code: 'directory',
      message: `${path} is a symbolic link that leads to nothing: make what it leads to, or remove the link`,
    })
  })

  it('may have its mirrors on another disk', async () => {
    const directory = await usedDirectory()
    symlinkSync(temporaryDirectory(), join(directory, 'mirrors'))

    await openTestStore(directory)
  })

  it.each(['state.db', 'lock', 'daemon.pid'])('is refused, with the cure, when its %s is a directory', async (name) => {
    const directory = await usedDirectory()
    const path = join(directory, name)
    rmSync(path, { force: true })
    mkdirSync(join(path, 'inside'), { recursive: true })

    await expect(openStore(directory, deps)).rejects.toMatchObject({
      code: 'directory',
      message: `${path} is a directory, but deployhook keeps a file there: move it away`,
    })
  })

  it.each(['.', 'logs', 'mirrors', 'trees', 'views', 'adopted', 'homes', 'kept'])(
    'is refused, with the cure, when %s in it may not be written to',
    async (name) => {
      const directory = await usedDirectory()
      const path = join(directory, name)
      mkdirSync(path, { recursive: true })
      giveTo(plainUser, directory)
      chmodSync(path, 0o500)

      const child = startChildAs(plainUser, 'hold', directory)
      expect(await child.firstLine).toBe(
        `directory: ${path} may not be read and written by this user: as root, chown -R USER ${directory} and chmod 700 ` +
          `${path}; USER is deployhook under its systemd unit`,
      )
    },
  )

  it('is refused when it is a file', async () => {
    const file = join(temporaryDirectory(), 'file')
    writeFileSync(file, '')

    await expect(openStore(file, deps)).rejects.toMatchObject({ code: 'directory' })
  })
})

describe('a database', () => {
  it('survives a close, durably and in WAL mode', async () => {
    const directory = await usedDirectory()
    const { store } = await openTestStore(directory)

    expect(await store.deliveries({ limit: 500 })).toHaveLength(50)
    expect(openRaw(directory).prepare('pragma journal_mode').get()?.['journal_mode']).toBe('wal')
  })

  it('syncs every commit before anybody is told (only a power cut would show the difference)', () => {
    const { database, close } = openDatabase(temporaryDirectory(), deps)
    const pragma = (name: string) => database.prepare(`pragma ${name}`).get()
    const settings = ['synchronous', 'journal_mode', 'foreign_keys', 'busy_timeout'].map(
      (name) => Object.values(pragma(name) ?? {})[0],
    )
    close()

    expect(settings).toEqual([2, 'wal', 1, 1000])
  })

  it('that is gone while its companions are there is not silently made anew', async () => {
    const directory = await usedDirectory()
    rmSync(join(directory, 'state.db'))

    await expect(openStore(directory, deps)).rejects.toMatchObject({
      code: 'missing_database',
      message: `${directory}/state.db is missing, but beside it there is logs from before: restore state.db from a backup (docs/backup.md), or, to begin again without queue and history, move ${directory} away`,
    })
    expect(existsSync(join(directory, 'state.db'))).toBe(false)
    rmSync(join(directory, 'logs'), { recursive: true })
    mkdirSync(join(directory, 'mirrors'))
    await expect(openStore(directory, deps)).rejects.toMatchObject({ code: 'missing_database' })
  })

  it.each<[string, (file: string) => void, string]>([
    [
      'is empty',
      (file) => {
        truncateSync(file)
      },
      'missing_database',
    ],
    [
      'is cut off',
      (file) => {
        truncateSync(file, 8192)
      },
      'damaged',
    ],
    [
      'is garbage',
      (file) => {
        writeFileSync(file, 'garbage '.repeat(2000))
      },
      'not_a_database',
    ],
    [
      'is shorter than a header',
      (file) => {
        writeFileSync(file, 'SQLite')
      },
      'not_a_database',
    ],
    [
      "is another program's",
      (file) => {
        rmSync(file)
        makeForeign(file)
      },
      'not_a_database',
    ],
  ])('that %s is refused, and left as it is', async (_, harm, code) => {
    const directory = await usedDirectory()
    const file = join(directory, 'state.db')
    harm(file)
    const { size } = statSync(file)

    await expect(openStore(directory, deps)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(file) as string,
    })
    expect(statSync(file).size).toBe(size)
    await expect(openStore(directory, deps)).rejects.toMatchObject({ code })
  })

  it('of a newer deployhook is refused', async () => {
    const directory = await usedDirectory()
    const raw = new DatabaseSync(join(directory, 'state.db'))
    raw.exec('pragma user_version = 999')
    raw.close()

    await expect(openStore(directory, deps)).rejects.toMatchObject({
      code: 'newer_schema',
      message: expect.stringContaining('schema 999') as string,
    })
  })

  it.each(['3.7.0', '3.40.1', '3.51.2', '2.99.99'])('is not opened with SQLite %s', (version) => {
    expect(() => {
      refuseOldSqlite(version)
    }).toThrow('3.51.3 or newer')
  })

  it.each(['3.51.3', '3.52.0', '3.100.0', '4.0.0'])('is opened with SQLite %s', (version) => {
    expect(() => {
      refuseOldSqlite(version)
    }).not.toThrow()
  })

  it.each<[string, (log: string) => void]>([
    ['vanished', rmSync],
    [
      'is garbage',
      (log) => {
        writeFileSync(log, 'garbage '.repeat(9000))
      },
    ],
  ])('that was in its write-ahead log alone, which %s, is not begun anew', async (_, harm) => {
    const directory = temporaryDirectory()
    const { process: child, firstLine, exited } = startChild('hold', directory)
    await firstLine
    child.kill('SIGKILL')
    await exited
    harm(join(directory, 'state.db-wal'))

    await expect(openStore(directory, deps)).rejects.toMatchObject({
      code: 'missing_database',
      message: expect.stringContaining('is empty without its write-ahead log') as string,
    })
  })

  it('whose write-ahead log vanished after kill -9 is opened with a warning', async () => {
    const directory = await usedDirectory()
    const { process: child, firstLine, exited } = startChild('hold', directory)
    await firstLine
    child.kill('SIGKILL')
    await exited
    rmSync(join(directory, 'state.db-wal'))
    const { log, warnings } = rememberingLog()

    const store = await openStore(directory, { ...deps, log })
    await store.close()

    expect(warnings).toEqual([expect.stringContaining('write-ahead log is gone')])
    const quiet = rememberingLog()
    await (await openStore(directory, { ...deps, log: quiet.log })).close()
    expect(quiet.warnings).toEqual([])
  })
})

describe('a second daemon', () => {
  it('is refused with the pid of the first, until that is killed', async () => {
    const directory = temporaryDirectory()
    const { process: child, firstLine, exited } = startChild('hold', directory)
    await firstLine

    await expect(openStore(directory, deps)).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining(
        `another deployhook (pid ${String(child.pid)}) uses the state directory ${directory}`,
      ) as string,
    })
    child.kill('SIGKILL')
    await exited
    await openTestStore(directory)
  })

  it('is refused in the same process too, which takes nothing from the first', async () => {
    const { store, directory } = await openTestStore()

    await expect(openStore(directory, deps)).rejects.toMatchObject({ code: 'in_use' })
    await expect(openStore(directory, deps)).rejects.toMatchObject({ code: 'in_use' })
    expect(await startChild('hold', directory).firstLine).toMatch(/^in_use: /)
    await store.accept(arrival({}))
  })

  it('is let in after the first has closed', async () => {
    const { store, directory } = await openTestStore()
    await store.close()
    await store.close()
    await openTestStore(directory)
  })
})

function makeForeign(file: string): void {
  const foreign = new DatabaseSync(file)
  foreign.exec('create table recipes (id integer)')
  foreign.close()
}
