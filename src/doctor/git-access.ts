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
  const asked = await each(remotes, 4, (apps) => askRemote(apps, patient))
  const answering = asked.filter(({ answer }) => answer === 'answers').length
  const cutOff = asked.filter(({ answer }) => answer === 'cut_off').length
  if (remotes.length === 0) return [ok('git', 'deploy.yml has no apps, so there is no repository to ask')]
  return [
    ...(answering > 0 ? [ok('git', `${answering} of ${remotes.length} repositories answer`)] : []),
    ...asked.flatMap(({ found }) => found),
    ...(cutOff > 0
      ? [
          warning(
            'git',
            `${cutOff} of ${remotes.length} repositories were not asked to the end: there was no time left`,
          ),
        ]
      : []),
  ]
}

/** The same for apps that get at a repository in the same way; never shown, as a token is part of it. */
function wayTo({ repo, git: { sshKey, knownHosts, token, username } }: App): string {
  return JSON.stringify([repo.url, sshKey, knownHosts, token?.reveal(), username])
}

type AskedRemote = { readonly answer: 'answers' | 'fails' | 'cut_off'; readonly found: readonly Found[] }

async function askRemote(apps: readonly App[], { listRefs, signal }: Patient): Promise<AskedRemote> {
  const [app] = apps
  if (app === undefined) return { answer: 'fails', found: [] }
  const names = apps.map(({ name }) => name).join(', ')
  const listed = await listRefs(app, {
    signal,
    timeoutMs,
    wants: (ref) => apps.some((one) => deploysRef(one, ref)),
  })
  const where = `${names}: ${app.repo.url}`
  if (listed.kind === 'failed') return { answer: 'fails', found: [problem(where, listed.message)] }
  if (listed.kind === 'stopped') return { answer: 'cut_off', found: [] }
  return { answer: 'answers', found: apps.flatMap((one) => refFindings(one, listed.tips)) }
}

/** Whether there is something for the app to deploy. */
function refFindings(app: App, tips: ReadonlyMap<string, unknown>): readonly Found[] {
  const where = `${app.name}: ${app.repo.url}`
  if (app.branch !== null && !tips.has(branchRef(app.branch)))
    return [problem(where, `answers, and has no branch ${app.branch}`, 'push it, or compare branch in deploy.yml')]
  if ([...tips.keys()].some((ref) => deploysRef(app, ref))) return []
  const kind = app.branches.length > 0 ? 'branch' : 'tag'
  return [warning(where, `answers, and has no ${kind} yet that this app deploys`)]
}
