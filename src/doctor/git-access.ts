import type { App } from '../model/deploy-map.ts'
import { branchRef } from '../model/ref.ts'
import { deploysRef } from '../model/ref-filter.ts'
import { each } from './each.ts'
import { ok, problem, warning, type Found } from './finding.ts'
import type { Check, Patient } from './patient.ts'

const timeoutMs = 15_000

/** Asks the remote of every app as catch-up does: with its key or token, by the same hardened command. */
export const checkGitAccess: Check = async (patient) => {
  const remotes = [...Map.groupBy(patient.map?.apps.values() ?? [], wayTo).values()]
  const found = (await each(remotes, 4, (apps) => askRemote(apps, patient))).flat()
  if (remotes.length === 0) return [ok('git', 'deploy.yml has no apps, so there is no repository to ask')]
  const silent = found.filter(({ level }) => level === 'problem').length
  return silent > 0 ? found : [ok('git', `${remotes.length} of ${remotes.length} repositories answer`), ...found]
}

/** The same for apps that get at a repository in the same way; never shown, as a token is part of it. */
function wayTo({ repo, git: { sshKey, knownHosts, token, username } }: App): string {
  return JSON.stringify([repo.url, sshKey, knownHosts, token?.reveal(), username])
}

async function askRemote(apps: readonly App[], { listRefs, signal }: Patient): Promise<readonly Found[]> {
  const [app] = apps
  if (app === undefined) return []
  const names = apps.map(({ name }) => name).join(', ')
  const listed = await listRefs(app, {
    signal,
    timeoutMs,
    wants: (ref) => apps.some((one) => deploysRef(one, ref)),
  })
  if (listed.kind === 'failed') return [problem(`${names}: ${app.repo.url}`, listed.message)]
  if (listed.kind === 'stopped')
    return [warning(`${names}: ${app.repo.url}`, 'was not asked to the end: there was no time left')]
  return apps.flatMap((one) => {
    if (one.branch !== null && !listed.tips.has(branchRef(one.branch)))
      return [
        problem(
          `${one.name}: ${app.repo.url}`,
          `answers, and has no branch ${one.branch}`,
          'push it, or compare branch in deploy.yml',
        ),
      ]
    const isThere = [...listed.tips.keys()].some((ref) => deploysRef(one, ref))
    if (isThere) return []
    const kind = one.branches.length > 0 ? 'branch' : 'tag'
    return [warning(`${one.name}: ${app.repo.url}`, `answers, and has no ${kind} yet that this app deploys`)]
  })
}
