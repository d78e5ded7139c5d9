import type { DatabaseSync } from 'node:sqlite'
import { createCheckpoint } from './checkpoint.ts'
import { sqliteCode, sqliteCodes } from './errors.ts'

/** What a transaction of many writers is made of, each a statement that is prepared once. */
export type Transaction = {
  begin(): void
  /** Whether anything was changed since it began. */
  isChanged(): boolean
  commit(): void
  rollback(): void
  isOpen(): boolean
  /** One writer's part of it: begun, kept, undone. */
  save(): void
  release(): void
  undo(): void
  /** Whether anything was moved. */
  checkpointWhenLong(): boolean
}

/** How long a lock of another process is waited for. Nobody is answered meanwhile. */
export const lockPatienceMs = 1000

/** And from then on, until it is gone: else each waited for those before it, and then as long again. */
const knownLockPatienceMs = 50

export function createTransaction(database: DatabaseSync): Transaction {
  const changes = database.prepare('select total_changes() as changes')
  const totalChanges = () => changes.get()?.['changes']
  const begin = prepared('begin immediate')
  let patienceMs = lockPatienceMs
  let changesBefore = totalChanges()
  return {
    begin() {
      try {
        begin()
      } catch (error) {
        if (sqliteCode(error) === sqliteCodes.busy) wait(knownLockPatienceMs)
        throw error
      }
      wait(lockPatienceMs)
      changesBefore = totalChanges()
    },
    isChanged: () => totalChanges() !== changesBefore,
    commit: prepared('commit'),
    rollback: prepared('rollback'),
    isOpen: () => database.isTransaction,
    save: prepared('savepoint writer'),
    release: prepared('release writer'),
    undo() {
      database.exec('rollback to writer; release writer')
    },
    checkpointWhenLong: createCheckpoint(database),
  }

  /** From now on for a lock of another process. */
  function wait(ms: number): void {
    if (ms === patienceMs) return
    database.exec(`pragma busy_timeout = ${ms}`)
    patienceMs = ms
  }

  function prepared(statement: string): () => void {
    const made = database.prepare(statement)
    return () => void made.run()
  }
}
