import { HostProblem } from '../../hosts/index.ts'
import type { App } from '../../model/deploy-map.ts'
import { CliError } from '../cli-error.ts'
import type { Cli } from '../command.ts'
import { oneLine } from '../text.ts'
import { deploysTags } from './create.ts'
import type { HostOptions } from './commands.ts'
import { placeOf, type Place } from './place.ts'
import { leadingTo, type Reach } from './reach.ts'

/** One repository that sends by the webhook, and whether its hooks have the new secret. */
export type Entered = {
  readonly repository: string
  readonly hooks: number
  /** null: they have. */
  readonly problem: string | null
}

/** Enters the first secret at every hook that leads to the webhook, in every repository of its host that deploy.yml names. */
export async function enterAtHost(
  place: Place,
  { reach, options }: { readonly reach: Reach; readonly options: HostOptions },
): Promise<readonly Entered[]> {
  const entered: Entered[] = []
  for (const one of repositoriesOf(place, options)) entered.push(await enterOne(one, { place, reach }))
  return entered.filter(({ hooks, problem }) => hooks > 0 || problem !== null)
}

type Repository = Pick<Place, 'path' | 'apiUrl'> & { readonly apps: readonly App[] }

/** By the same API as the app's own; a webhook may serve many. */
function repositoriesOf({ map, webhook, host, app, path, apiUrl }: Place, options: HostOptions): readonly Repository[] {
  const found = new Map<string, Repository>([[path, { path, apiUrl, apps: [app] }]])
  for (const other of map.apps.values()) {
    if (other === app || (other.webhook !== null && other.webhook !== webhook.name)) continue
    const there = placeOrNull(other, { host, apiUrl: options.apiUrl })
    if (there?.apiUrl !== apiUrl) continue
    const known = found.get(there.path)
    found.set(there.path, { ...there, apps: [...(known?.apps ?? []), other] })
  }
  return [...found.values()]
}

/** null: it lies elsewhere, and is not this host's to change. */
function placeOrNull(app: App, at: Parameters<typeof placeOf>[1]): ReturnType<typeof placeOf> | null {
  try {
    return placeOf(app, at)
  } catch (error) {
    if (error instanceof CliError) return null
    throw error
  }
}

async function enterOne(
  repository: Repository,
  { place, reach }: { readonly place: Place; readonly reach: Reach },
): Promise<Entered> {
  const [secret] = place.webhook.secrets
  if (secret === undefined) throw new Error(`webhook ${place.webhook.name} has no secret`)
  const hooks = reach({ ...repository, secrets: place.webhook.secrets })
  try {
    const leading = leadingTo(place.url, await hooks.list())
    for (const hook of leading)
      await hooks.update(hook, { url: place.url, secret, tags: repository.apps.some(deploysTags) })
    return { repository: repository.path, hooks: leading.length, problem: null }
  } catch (error) {
    if (!(error instanceof HostProblem)) throw error
    return { repository: repository.path, hooks: 0, problem: oneLine(error.message) }
  }
}

export function enteredText({ repository, problem }: Entered, { terminal: { paint } }: Cli): string {
  const name = oneLine(repository)
  return problem === null
    ? `${paint.green(name)} signs with the new one`
    : `${paint.red(name)} still signs with the old one: ${problem}`
}
