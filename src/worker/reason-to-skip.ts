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

/**
 * Judges a deployment once its commit is known; what costs a look into the repository comes last. Nothing is live whose
 * directory somebody has removed.
 */
export async function reasonToSkip(tip: Revision, known: SkipCase & QuarantineCase, look: Look): Promise<Skip | null> {
  const isThere = look.isThere()
  const plain = (isThere ? alreadyLive(tip, known) : null) ?? inQuarantine(tip, known)
  if (plain !== null) return plain
  const asked = isToldByMessage(known) ? asksToBeSkipped(await look.message(), known.app) : null
  if (asked !== null) return asked
  const from = isThere ? countedFrom(known) : null
  return from === null ? null : nothingChanged(await look.changedSince(from), known)
}
