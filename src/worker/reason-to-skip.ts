import {
  alreadyLive,
  asksToBeSkipped,
  countedFrom,
  inQuarantine,
  isToldByMessage,
  nothingChanged,
  type QuarantineCase,
  type Skip,
  type SkipCase,
} from '../model/already-live.ts'
import type { Revision } from '../model/revision.ts'
import type { Look } from '../runner/runner.ts'

/** Judges a deployment once its commit is known; what costs a look into the repository comes last. */
export async function reasonToSkip(tip: Revision, known: SkipCase & QuarantineCase, look: Look): Promise<Skip | null> {
  const plain = alreadyLive(tip, known) ?? inQuarantine(tip, known)
  if (plain !== null) return plain
  const asked = isToldByMessage(known) ? asksToBeSkipped(await look.message(), known.app) : null
  if (asked !== null) return asked
  const from = countedFrom(known)
  return from === null ? null : nothingChanged(await look.changedSince(from), known)
}
