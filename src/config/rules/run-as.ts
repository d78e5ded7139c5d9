import { commandKeyOf, type Entry } from '../entries.ts'
import { problemAt, problemAtKey, warningAt, type Finding } from '../finding.ts'
import type { Judged, Machine, Rule } from './rule.ts'

/** Steps of another user: only root may start them, and only where that user cannot lead root astray. */
export const runAsIsPossible: Rule = ({ entries, document, machine }) =>
  entries.flatMap((entry) => {
    const { run_as: name, strategy } = entry.app
    const user = machine.users.get(name ?? '')
    if (name === undefined || user === undefined) return []
    const at = entry.placeOf('run_as')
    if (user.kind === 'none')
      return [
        problemAt(at, `there is no user ${name} on this machine: make it (useradd --system ${name}), or name another`),
      ]
    if (user.kind === 'unsure' && machine.uid === 0)
      return [warningAt(at, `${name} is not in /etc/passwd: make sure that \`getent passwd ${name}\` knows it`)]
    if (user.kind === 'found' && user.uid === machine.uid) return []
    if (machine.uid !== 0)
      return [
        asSevere(
          problemAt(
            at,
            `is another user than deployhook's own, and only root can run steps as another: run deployhook as ${name}, or as root`,
          ),
          machine,
        ),
      ]
    const isInPlace = strategy === 'in-place' || (strategy === undefined && !isWritten(entry, document))
    if (!isInPlace) return []
    return [
      asSevere(
        problemAt(
          at,
          `with strategy: in-place, root would write into a tree whose files ${name} can exchange for links to any others: use strategy: releases, or run deployhook as ${name}`,
        ),
        machine,
      ),
    ]
  })

function isWritten({ name }: Entry, document: Judged['document']): boolean {
  return document.has(['apps', name, 'strategy']) || document.has(['defaults', 'strategy'])
}

export const rootNeedsPermission: Rule = ({ entries, written, document, machine }) => {
  if (machine.uid !== 0 || written.server?.allow_root_steps === true) return []
  // Written, but not as true or false: that is told already.
  if (written.server === undefined && document.has(['server', 'allow_root_steps'])) return []
  const first = entries.map((entry) => stepsAsRoot(entry, machine)).find((finding) => finding !== null)
  return first === undefined ? [] : [asSevere(first, machine)]
}

function stepsAsRoot(entry: Entry, { users }: Machine): Finding | null {
  const { run_as: name } = entry.app
  if (name !== undefined) {
    const user = users.get(name)
    if (user?.kind !== 'found' || user.uid !== 0) return null
    return problemAt(
      entry.placeOf('run_as'),
      'would run steps as root: name a user of its own, or allow it with server: { allow_root_steps: true }',
    )
  }
  const key = commandKeyOf(entry.app)
  if (key === null) return null
  return problemAtKey(
    entry.placeOf(key),
    'would run as root: give run_as: a user of its own (with strategy: releases), run deployhook as a user of its own, or allow it with server: { allow_root_steps: true }',
  )
}

/** Root may check a file for a daemon of another user, and another user for one of root. */
function asSevere(finding: Finding, { rootSteps }: Machine): Finding {
  return { ...finding, severity: rootSteps === 'warn' ? 'warning' : 'error' }
}
