import { ok, problem, warning } from './finding.ts'
import type { Check } from './patient.ts'

/** Whether the daemon runs, and what it says of itself. */
export const checkDaemon: Check = ({ daemon, absence, user }) => {
  if (daemon === null)
    return Promise.resolve([
      problem(
        'daemon',
        `${absence?.what ?? 'does not run'}; what follows was looked at as ${user.name}, and what only the daemon knows is left out`,
        absence?.cure ?? null,
      ),
    ])
  const { reasons, warnings } = daemon
  const found = [
    ...reasons.map((code) =>
      problem('daemon', meanings[code] ?? code, 'deployhook status, and its log: journalctl -u deployhook'),
    ),
    ...warnings.filter((code) => !(code in elsewhere)).map((code) => warning('daemon', meanings[code] ?? code)),
  ]
  return Promise.resolve(reasons.length > 0 ? found : [ok('daemon', `runs, as ${user.name}`), ...found])
}

/** The codes of `/readyz`. */
const meanings: Readonly<Record<string, string>> = {
  store_unavailable: 'cannot write to its database',
  stuck: 'makes no progress',
  draining: 'is on its way down: it starts nothing more',
}

/** What other checks say better. */
const elsewhere: Readonly<Record<string, true>> = {
  config_not_reloaded: true,
  disk_full: true,
  catch_up_failing: true,
  clock_jumped: true,
}
