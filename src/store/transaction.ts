import type { DatabaseSync } from 'node:sqlite'
import { createCheckpoint } from './checkpoint.ts'

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

export function createTransaction(database: DatabaseSync): Transaction {
  const changes = database.prepare('select total_changes() as changes')
  const totalChanges = () => changes.get()?.['changes']
  const begin = prepared('begin immediate')
  let changesBefore = totalChanges()
  return {
    begin() {
      begin()
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

  function prepared(statement: string): () => void {
    const made = database.prepare(statement)
    return () => void made.run()
  }
}
