import { parseRepository } from '../../model/repository.ts'
import { didYouMean, quoted } from '../did-you-mean.ts'
import { formerNames, type Entry } from '../entries.ts'
import { problemAt, problemAtKey, warningAt, type Finding } from '../finding.ts'
import type { Rule } from './rule.ts'

export const needsRepoAndPath: Rule = ({ entries, document }) =>
  entries.flatMap(({ name, app }) => {
    const isMissing = (key: 'repo' | 'path'): boolean =>
      app[key] === undefined && !document.has(['apps', name, key]) && !document.has(['defaults', key])
    return [
      ...(isMissing('repo')
        ? [
            problemAtKey(
              ['apps', name],
              'has no repo: add its clone URL, such as repo: https://github.com/acme/blog.git',
            ),
          ]
        : []),
      ...(isMissing('path')
        ? [problemAtKey(['apps', name], `has no path: add the directory to deploy to, such as path: /srv/${name}`)]
        : []),
    ]
  })

/** Judged where it is written: what an app says replaces what `defaults` say. */
export const branchOrGlobs: Rule = ({ written }) =>
  [
    { path: ['defaults'], app: written.defaults ?? {} },
    ...Object.entries(written.apps).map(([name, app]) => ({ path: ['apps', name], app })),
  ].flatMap(({ path, app }) =>
    app.branch === undefined || (app.branches === undefined && app.tags === undefined)
      ? []
      : [
          problemAtKey(
            [...path, 'branch'],
            `is one branch, and ${app.branches === undefined ? 'tags' : 'branches'} is here too: list it in branches, such as branches: [main]`,
          ),
        ],
  )

/** Keys of `git` that the repository's protocol has no use for; those of `defaults` are for the apps that have. */
export const gitFitsRepository: Rule = ({ entries }) =>
  entries.filter(({ isOwn }) => isOwn('git')).flatMap((entry) => [...unusableKeys(entry), ...usernameAlone(entry)])

function unusableKeys({ name, app: { git = {}, repo = '' } }: Entry): readonly Finding[] {
  const parsed = parseRepository(repo)
  if ('problem' in parsed) return []
  const { protocol, identity } = parsed
  const forHttps = (['token', 'username'] as const).filter((key) => git[key] !== undefined && protocol !== 'https')
  const forSsh = (['ssh_key', 'known_hosts'] as const).filter((key) => git[key] !== undefined && protocol !== 'ssh')
  return [...forHttps, ...forSsh].map((key) => {
    const cure = {
      https: `take it out, use git.token, or clone by ssh: git@${identity.replace('/', ':')}.git`,
      ssh: `take it out, use git.ssh_key, or clone by https: https://${identity}.git`,
      file: 'take it out: a repository on this machine is read with the rights of the daemon',
    }[protocol]
    const wanted = key === 'ssh_key' || key === 'known_hosts' ? 'an ssh' : 'an https'
    return problemAtKey(
      ['apps', name, 'git', key],
      `is for ${wanted} repository, but repo is ${protocol === 'file' ? 'local' : protocol}: ${cure}`,
    )
  })
}

function usernameAlone({ name, app: { git = {} } }: Entry): readonly Finding[] {
  if (git.username === undefined || git.token !== undefined) return []
  return [warningAt(['apps', name, 'git', 'username'], 'does nothing without git.token')]
}

/** A warning only: one app's missing key must not keep the others from being deployed. */
export const sshFilesAreUsable: Rule = ({ entries, machine }) =>
  entries.flatMap(({ app, placeOf }) =>
    (['ssh_key', 'known_hosts'] as const).flatMap((key) => {
      const problem = machine.sshFileProblems.get(app.git?.[key] ?? '')
      return problem === undefined ? [] : [warningAt([...placeOf('git'), key], problem)]
    }),
  )

export const webhookExists: Rule = ({ entries, document }) => {
  const names = document.keysOf(['webhooks'])
  return entries.flatMap(({ app, placeOf }) =>
    app.webhook === undefined || names.includes(app.webhook)
      ? []
      : [problemAt(placeOf('webhook'), `there is no webhook ${quoted(app.webhook)}${didYouMean(app.webhook, names)}`)],
  )
}

export const wasNamesAreFree: Rule = ({ entries, document }) => {
  const names = document.keysOf(['apps'])
  const takenBy = new Map<string, string>()
  return entries.flatMap(({ name, app, placeOf }) =>
    formerNames(app).flatMap((former, index) => {
      const first = takenBy.get(former)
      takenBy.set(former, first ?? name)
      const at = typeof app.was === 'string' ? placeOf('was') : [...placeOf('was'), index]
      if (former === name) return [problemAt(at, 'is the name that the app has now: take it out')]
      if (names.includes(former))
        return [
          problemAt(at, `there still is an app ${quoted(former)}: only the name of one that is gone can be taken over`),
        ]
      return first === undefined
        ? []
        : [problemAt(at, `the history of ${quoted(former)} goes to ${first} already: it can go to one app`)]
    }),
  )
}
