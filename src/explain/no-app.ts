import { didYouMean, quoted } from '../config/did-you-mean.ts'
import type { DeliveryRecord } from '../model/delivery.ts'
import type { Repository } from '../model/deploy-map.ts'
import type { ExplainDeps } from './deps.ts'
import type { LookBack } from './look-back.ts'
import type { Meaning } from './reasons.ts'

/** Why no app knew what a push named: the name that it gave, beside those of deploy.yml. */
export function noAppMeaning(
  { repository, webhook }: DeliveryRecord,
  { back: { names, app, again }, deps }: { readonly back: LookBack; readonly deps: Pick<ExplainDeps, 'map'> },
): Meaning {
  const { apps } = deps.map()
  const retry = `deployhook reload, and ${again}: it is judged afresh`
  if (app !== null) {
    return {
      sentence: `no app of deploy.yml is called ${quoted(app)}${didYouMean(app, [...apps.keys()])}`,
      cure: `Name an app of deploy.yml in what is sent to webhook ${webhook}, or call the app so in deploy.yml, then ${retry}.`,
    }
  }
  const named = names[0] ?? repository ?? 'that it names'
  const namesake = [...apps.values()].find(({ repo }) => isNamesake(repo, [named, repository ?? named]))
  const known = [...apps.values()].flatMap(({ repo, aliases }) => [repo.identity, ...aliases])
  const beside = namesake ? `: app ${namesake.name} has ${namesake.repo.identity}` : didYouMean(named, known)
  return {
    sentence: `no app of deploy.yml has the repository ${quoted(named)}${beside}`,
    cure: `If that is the repository of ${namesake?.name ?? 'an app'} by another name, add it to the app's "aliases:" in deploy.yml; else mend its "repo:". Then ${retry}.`,
  }
}

/** Whether a name means a repository that is called the same at another host. */
function isNamesake({ identity }: Repository, named: readonly string[]): boolean {
  const path = pathOf(identity)
  return named.some((name) => name.toLowerCase() === path || pathOf(name.toLowerCase()) === path)
}

/** `acme/blog` of `github.com/acme/blog`. */
function pathOf(identity: string): string {
  return identity.slice(identity.indexOf('/') + 1)
}
