import type { App } from '../model/deploy-map.ts'
import type { WebAnswer } from './ask.ts'
import { each } from './each.ts'
import { ok, problem, warning, type Found } from './finding.ts'
import type { Check, Patient } from './patient.ts'

/** Whether an app's web server hands out what is not for the public: the git directory, and `.env`. */
export const checkExposed: Check = async (patient) => {
  const apps = [...(patient.map?.apps.values() ?? [])]
  const sites = apps.flatMap((app) => originsOf(app, patient).map((origin) => ({ app, origin })))
  const unknown = [...patient.urls.keys()].filter((name) => !apps.some((app) => app.name === name))
  const found = (await each(sites, 4, (site) => lookAt(site, patient))).flat()
  return [
    ...unknown.map((name) => warning(`--url ${name}`, 'there is no app of that name in deploy.yml')),
    ...(sites.length === 0 && apps.length > 0
      ? [
          ok(
            'sites',
            'no address of an app is known (an http health check, or doctor --url APP=URL): /.git and /.env were not tried',
          ),
        ]
      : found),
  ]
}

/** Where it is said to be, else where its health is asked for. */
function originsOf({ name, health }: App, { urls }: Patient): readonly string[] {
  const told = urls.get(name)
  if (told !== undefined) return [told.replace(/\/+$/, '')]
  const asked = health.flatMap(({ probe }) => (probe.kind === 'http' ? [URL.parse(probe.url)?.origin ?? ''] : []))
  return [...new Set(asked)].filter((origin) => origin !== '')
}

type Leak = {
  readonly path: string
  readonly isLeak: (body: string) => boolean
  readonly level: 'warning' | 'problem'
  readonly what: string
}

const leaks: readonly Leak[] = [
  {
    path: '.git/HEAD',
    isLeak: isHead,
    level: 'problem',
    what: 'the whole repository with its history can be downloaded',
  },
  { path: '.git', isLeak: isGitFile, level: 'warning', what: 'it tells where on this machine the repository lies' },
  { path: '.env', isLeak: isDotenv, level: 'problem', what: 'everybody can read its secrets' },
]

/** Below the document root; of releases also where the root is one directory too high. */
function leaksOf({ strategy }: App): readonly Leak[] {
  const higher = strategy === 'releases' ? ['current/', 'shared/'] : []
  return ['', ...higher].flatMap((directory) => leaks.map((leak) => ({ ...leak, path: `${directory}${leak.path}` })))
}

async function lookAt(
  { app, origin }: { readonly app: App; readonly origin: string },
  { ask }: Patient,
): Promise<readonly Found[]> {
  const seen = await each(leaksOf(app), 3, async (leak) => {
    const url = `${origin}/${leak.path}`
    return { leak, url, answer: await askOnce(url, ask) }
  })
  if (seen.every(({ answer }) => answer.kind === 'unreachable')) {
    const [first] = seen
    const why = first?.answer.kind === 'unreachable' ? first.answer.why : 'does not answer'
    return [warning(`${app.name}: ${origin}`, `${why}, so /.git and /.env were not tried`)]
  }
  const found = seen.flatMap(({ leak, url, answer }) =>
    answer.kind === 'answered' && answer.status === 200 && leak.isLeak(answer.body)
      ? [
          (leak.level === 'problem' ? problem : warning)(
            `${app.name}: ${url}`,
            `is handed out: ${leak.what}`,
            cureOf(app, leak),
          ),
        ]
      : [],
  )
  return found.length > 0 ? found : [ok(`${app.name}: ${origin}`, 'hands out neither /.git nor /.env')]
}

/** A redirect within the same host, to https mostly, is followed once. */
async function askOnce(url: string, ask: Patient['ask']): Promise<WebAnswer> {
  const answer = await ask({ url, method: 'GET' })
  if (answer.kind === 'unreachable' || answer.status < 300 || answer.status >= 400) return answer
  const next = URL.parse(answer.headers['location'] ?? '', url)
  return next !== null && next.hostname === new URL(url).hostname ? ask({ url: next.href, method: 'GET' }) : answer
}

function cureOf({ path, strategy }: App, { path: leaked }: Leak): string {
  const root = strategy === 'releases' ? `${path}/current/public, not ${path}` : `a directory below ${path}`
  const secret = leaked.endsWith('.env') ? '; what was in it is known now: change those secrets' : ''
  return `let the web server serve ${root}, or refuse names that begin with a dot (nginx: location ~ /\\. { deny all; })${secret}`
}

/** gitrepository-layout(5): a symbolic ref, or a commit. */
function isHead(body: string): boolean {
  return /^(?:ref: refs\/\S+|[0-9a-f]{40}(?:[0-9a-f]{24})?)\s*$/.test(body)
}

function isGitFile(body: string): boolean {
  return /^gitdir: \S.*$/.test(body.trimEnd())
}

/** The first line that says something is an assignment, as in no page of HTML, JSON or script. */
function isDotenv(body: string): boolean {
  const lines = body.split(/\r?\n/).map((line) => line.trim())
  const [first = ''] = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return /^(?:export\s+)?[A-Za-z_][A-Za-z0-9_.]*\s*=(?!=)/.test(first)
}
