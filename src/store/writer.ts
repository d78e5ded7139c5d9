import type { DatabaseSync } from 'node:sqlite'
import type { FailPoint } from '../lib/fail-point.ts'
import { StoreError } from './errors.ts'
import { createTransaction, type Transaction } from './transaction.ts'
import type { Trust } from './trust.ts'

/** The one way to write: writers that arrive one after the other share a transaction and its fsync. */
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

type WriterDeps = {
  readonly failPoint: FailPoint
  readonly trust: Pick<Trust, 'check' | 'judge'>
  /** Writes what follows from the changes of one writer, in its savepoint. */
  readonly alsoWrite?: (deployments: ReadonlySet<number>) => void
  readonly onCommitted: (deployments: ReadonlySet<number>) => void
}

/** A transaction holds the event loop: more writers than this wait for the next one. */
const mostPerCommit = 500

/** The first of those that arrive waits no longer than this for the others. */
const longestWaitMs = 50

export function createWriter(database: DatabaseSync, deps: WriterDeps): Writer {
  const transaction = createTransaction(database)
  let waiting: Job[] = []
  let arrivingSince = 0
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
        if (waiting.push({ run, resolve: succeed, reject }) > 1) return
        arrivingSince = performance.now()
        setImmediate(gather, 0)
      })
    },
    close() {
      isClosed = true
      while (waiting.length > 0) flush()
    },
  }

  /**
   * Commits once a turn of the event loop has brought nobody new. libuv accepts one connection a turn: if each turn
   * ended with an fsync, the last of 64 that come together would be let in after 64 of them.
   */
  function gather(known: number): void {
    const isArriving = waiting.length > known && waiting.length < mostPerCommit
    if (isArriving && performance.now() - arrivingSince < longestWaitMs) setImmediate(gather, waiting.length)
    else flush()
  }

  function flush(): void {
    const jobs = waiting.slice(0, mostPerCommit)
    waiting = waiting.slice(mostPerCommit)
    if (waiting.length > 0 && !isClosed) setImmediate(flush)
    if (jobs.length === 0) return
    const touched = new Set<number>()
    try {
      const { done, isChanged } = commitTogether(transaction, { ...deps, jobs, touched })
      for (const { resolve } of done) resolve()
      if (isChanged) setImmediate(checkpoint)
    } catch (error) {
      const problem = deps.trust.judge(error)
      for (const { reject } of jobs) reject(problem)
      return
    }
    if (touched.size > 0) deps.onCommitted(touched)
  }

  /** Of a long write-ahead log, in a turn of its own, for what was committed is answered first. Another may have failed meanwhile. */
  function checkpoint(): void {
    if (isClosed) return
    try {
      deps.trust.check()
      if (transaction.checkpointWhenLong()) deps.trust.check()
    } catch (error) {
      deps.trust.judge(error)
    }
  }
}

type Flush = Omit<WriterDeps, 'onCommitted'> & {
  readonly jobs: readonly Job[]
  readonly touched: Set<number>
}

/** `done`: the jobs that are on disk now; the others have been rejected. Throws if none could be kept. */
function commitTogether(transaction: Transaction, flush: Flush): { done: readonly Job[]; isChanged: boolean } {
  const { jobs, failPoint, trust } = flush
  trust.check()
  try {
    transaction.begin()
    const done = jobs.filter((job) => runInSavepoint(transaction, job, flush))
    const isChanged = transaction.isChanged()
    if (isChanged) failPoint('before-commit')
    transaction.commit()
    if (isChanged) failPoint('in-commit')
    trust.check()
    return { done, isChanged }
  } catch (error) {
    if (transaction.isOpen()) transaction.rollback()
    throw error
  }
}

function runInSavepoint(
  transaction: Transaction,
  job: Job,
  { touched, trust, alsoWrite = () => undefined }: Flush,
): boolean {
  transaction.save()
  try {
    const own = new Set<number>()
    job.run((deployment) => own.add(deployment))
    alsoWrite(own)
    transaction.release()
    for (const deployment of own) touched.add(deployment)
    return true
  } catch (error) {
    // A full or failing disk makes SQLite undo the whole transaction: then nobody's changes are left to commit.
    if (!transaction.isOpen()) throw error
    transaction.undo()
    job.reject(trust.judge(error))
    return false
  }
}
