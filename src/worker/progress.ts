import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { Progress } from '../runner/runner.ts'
import type { LogSink, Owner, Store } from '../store/store.ts'
import { untilKept } from './until-kept.ts'

export type ProgressDeps = {
  readonly store: Pick<Store, 'setRevision' | 'setRelease' | 'startStep' | 'finishStep'>
  readonly owner: Owner
  /** Of the deployment. */
  readonly clock: Clock
  /** Of the deployment: it is told to end. */
  readonly signal: AbortSignal
  readonly log: Pick<Log, 'warn'>
  readonly retryMs: number
}

/** Where a deployment tells how it gets on: to the store, and to its log. */
export function createProgress(sink: LogSink, { store, owner, clock, ...waiting }: ProgressDeps): Progress {
  const kept = (write: () => Promise<void>) => untilKept(write, waiting)
  return {
    revision: (revision) => kept(() => store.setRevision(owner, revision)),
    release: (release) => kept(() => store.setRelease(owner, release)),
    stepStarted: (started) => {
      const step = { ...started, at: clock.now() }
      return kept(() => store.startStep(owner, step))
    },
    stepFinished: (ended) => {
      const step = { ...ended, at: clock.now() }
      return kept(() => store.finishStep(owner, step))
    },
    output: (step, chunk) => sink.output(step, chunk),
    endOutput: (step) => sink.endStep(step),
    putAside: (step) => sink.putAside(step),
    takeUp: (step, aside) => sink.takeUp(step, aside),
    note: (text) => sink.note(text),
  }
}
