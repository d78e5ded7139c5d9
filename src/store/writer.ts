import type { DatabaseSync } from 'node:sqlite'
import type { FailPoint } from '../lib/fail-point.ts'
import { asStoreError, StoreError } from './errors.ts'

/** The one way to write: writers that arrive in the same turn of the event loop share a transaction and its fsync. */
export type Writer = {
  /**
   * Runs `work` in a savepoint of its own and resolves with its answer once that is committed and synced. If `work`
   * throws, only its own changes are undone and only its promise rejects. `touch` names a deployment that it changed.
   */
  write<T>(work: (touch: Touch) => T): Promise<T>
  /** Commits what is waiting; later writes are refused. */
  close(): void
}

export type Touch = (deployment: number) => void

type Job = {
  readonly run: (touch: Touch) => void
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** A transaction holds the event loop: more writers than this wait for the next one. */
const mostPerCommit = 500

export function createWriter(
  database: DatabaseSync,
  deps: {
    readonly failPoint: FailPoint
    /** Writes what follows from the changes of one writer, in its savepoint. */
    readonly alsoWrite?: (deployments: ReadonlySet<number>) => void
    readonly onCommitted: (deployments: ReadonlySet<number>) => void
  },
): Writer {
  const { failPoint, alsoWrite = () => undefined, onCommitted } = deps
  let waiting: Job[] = []
  let isClosed = false

  return {
    write<T>(work: (touch: Touch) => T): Promise<T> {
      return new Promise((resolve, reject) => {
        if (isClosed) throw new StoreError('closed', 'the store is closed')
        let answer: { readonly value: T } | null = null
        const run = (touch: Touch) => void (answer = { value: work(touch) })
        const succeed = () => {
          if (answer !== null) resolve(answer.value)
        }
        if (waiting.push({ run, resolve: succeed, reject }) === 1) setImmediate(flush)
      })
    },
    close() {
      isClosed = true
      while (waiting.length > 0) flush()
    },
  }

  function flush(): void {
    const jobs = waiting.slice(0, mostPerCommit)
    waiting = waiting.slice(mostPerCommit)
    if (waiting.length > 0 && !isClosed) setImmediate(flush)
    if (jobs.length === 0) return
    const touched = new Set<number>()
    try {
      const done = commitTogether(database, { jobs, touched, failPoint, alsoWrite })
      for (const { resolve } of done) resolve()
    } catch (error) {
      for (const { reject } of jobs) reject(asStoreError(error))
      return
    }
    if (touched.size > 0) onCommitted(touched)
  }
}

type Flush = {
  readonly jobs: readonly Job[]
  readonly touched: Set<number>
  readonly failPoint: FailPoint
  readonly alsoWrite: (deployments: ReadonlySet<number>) => void
}

/** Answers the jobs that are on disk now; the others have been rejected. Throws if none could be kept. */
function commitTogether(database: DatabaseSync, { jobs, touched, failPoint, alsoWrite }: Flush): readonly Job[] {
  try {
    database.exec('begin immediate')
    const changesBefore = totalChanges(database)
    const done = jobs.filter((job) => runInSavepoint(database, job, { touched, alsoWrite }))
    const isChanged = totalChanges(database) !== changesBefore
    if (isChanged) failPoint('before-commit')
    database.exec('commit')
    if (isChanged) failPoint('in-commit')
    return done
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

function runInSavepoint(
  database: DatabaseSync,
  job: Job,
  { touched, alsoWrite }: Pick<Flush, 'touched' | 'alsoWrite'>,
): boolean {
  database.exec('savepoint writer')
  try {
    const own = new Set<number>()
    job.run((deployment) => own.add(deployment))
    alsoWrite(own)
    database.exec('release writer')
    for (const deployment of own) touched.add(deployment)
    return true
  } catch (error) {
    // A full or failing disk makes SQLite undo the whole transaction: then nobody's changes are left to commit.
    if (!database.isTransaction) throw error
    database.exec('rollback to writer; release writer')
    job.reject(asStoreError(error))
    return false
  }
}

function totalChanges(database: DatabaseSync): unknown {
  return database.prepare('select total_changes() as changes').get()?.['changes']
}
