import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { migrate, readMigrations, type Migration } from '../../src/store/migrations.ts'
import { temporaryDirectory } from './support.ts'

const first: Migration = { version: 1, sql: 'create table a (id integer)' }
const second: Migration = { version: 2, sql: 'create table b (id integer); insert into b values (1)' }

function openMemory(): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  onTestFinished(() => {
    database.close()
  })
  return database
}

const versionOf = (database: DatabaseSync) => database.prepare('pragma user_version').get()?.['user_version']
const options = { path: 'state.db', failPoint: () => undefined }

describe('migrations', () => {
  it('are run in order, each once', () => {
    const database = openMemory()
    const own = { ...options, path: join(temporaryDirectory(), 'state.db') }

    migrate(database, { ...own, migrations: [first] })
    migrate(database, { ...own, migrations: [first, second] })
    migrate(database, { ...own, migrations: [first, second] })

    expect(versionOf(database)).toBe(2)
    expect(database.prepare('select * from b').all()).toHaveLength(1)
  })

  it('that die half-way leave the schema before', () => {
    const database = openMemory()
    const dies = () => {
      throw new Error('died')
    }

    const own = { ...options, path: join(temporaryDirectory(), 'state.db') }
    migrate(database, { ...own, migrations: [first] })
    expect(() => {
      migrate(database, { ...own, migrations: [first, second], failPoint: dies })
    }).toThrow('died')
    database.exec('rollback')

    expect(versionOf(database)).toBe(1)
    migrate(database, { ...own, migrations: [first, second] })
    expect(versionOf(database)).toBe(2)
  })

  it('keep a copy of the database from before, for this user alone', () => {
    const path = join(temporaryDirectory(), 'state.db')
    const database = new DatabaseSync(path)
    onTestFinished(() => {
      database.close()
    })
    migrate(database, { ...options, path, migrations: [first] })
    expect(existsSync(`${path}.schema-1`)).toBe(false)

    migrate(database, { ...options, path, migrations: [first, second] })

    const copy = new DatabaseSync(`${path}.schema-1`)
    onTestFinished(() => {
      copy.close()
    })
    expect([versionOf(copy), versionOf(database)]).toEqual([1, 2])
    expect(statSync(`${path}.schema-1`).mode & 0o777).toBe(0o600)
  })

  it('refuse a schema that they do not know', () => {
    const database = openMemory()
    database.exec('pragma user_version = 3')

    expect(() => {
      migrate(database, { ...options, migrations: [first, second] })
    }).toThrow('state.db was written by a newer deployhook (schema 3, this one knows 2)')
  })

  it('are files numbered without a gap', () => {
    const directory = join(temporaryDirectory(), 'migrations')
    mkdirSync(directory)
    writeFileSync(join(directory, '0001-first.sql'), 'one')
    writeFileSync(join(directory, 'README.md'), 'not one')
    expect(readMigrations(directory)).toEqual([{ version: 1, sql: 'one' }])
    writeFileSync(join(directory, '0003-third.sql'), 'three')

    expect(() => readMigrations(directory)).toThrow('0003-third.sql: expected number 2')
  })
})
