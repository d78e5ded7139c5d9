import type { WebAnswer } from './ask.ts'
import { each } from './each.ts'
import { ok, problem, warning, type Found } from './finding.ts'
import type { Check, Patient } from './patient.ts'
import { proxyStatus } from './proxy-status.ts'

/**
 * The way that a git host takes, out to `server.public_url` and in again: an unsigned request to every webhook, which has
 * to come back refused by this very daemon.
 */
export const checkPublicUrl: Check = async (patient) => {
  const { map } = patient
  if (map === null) return []
  const { publicUrl } = map.server
  if (publicUrl === null)
    return [
      warning(
        'server.public_url',
        'is not set, so it cannot be tried whether git hosts reach this daemon',
        'add it to deploy.yml: public_url: https://deploy.example.com',
      ),
    ]
  const names = [...map.webhooks.keys()]
  if (names.length === 0) return [ok(publicUrl, 'deploy.yml has no webhooks, so nothing has to come in')]
  return (await each(names, 4, (name) => tryHook(name, { publicUrl, patient }))).flat()
}

async function tryHook(
  name: string,
  { publicUrl, patient }: { readonly publicUrl: string; readonly patient: Patient },
): Promise<readonly Found[]> {
  const { daemon, ask } = patient
  const url = `${publicUrl}/hooks/${name}`
  const before = daemon?.refusals(name) ?? 0
  const answer = await ask({ url, method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
  if (answer.kind === 'unreachable') return [problem(url, `${answer.why}${by(answer)}`, unreachableCure(answer))]
  if (answer.status === 429 && isOurs(answer.body))
    return [warning(url, 'was tried too often: deployhook counts what it refuses', 'wait a minute')]
  if (answer.status === 404 && isOurs(answer.body))
    return [
      problem(
        url,
        'another deployhook answers, which has no such webhook',
        'compare public_url, and where the proxy leads',
      ),
    ]
  if (answer.status !== 401 || !isOurs(answer.body)) return [notOurs(url, answer)]
  if (daemon !== null && daemon.refusals(name) === before)
    return [
      problem(url, 'a deployhook answers, and it is not this one', 'compare where the proxy leads with server.listen'),
    ]
  if (daemon === null)
    return [
      warning(
        url,
        'a deployhook answers, although none does on the control socket',
        'compare --socket and the proxy: it may be another one',
      ),
    ]
  return [ok(url, `is reached from here${by(answer)}, and refuses what is not signed`)]
}

function notOurs(url: string, { status, headers, through }: Extract<WebAnswer, { kind: 'answered' }>): Found {
  const server = headers['server'] === undefined ? '' : ` of ${headers['server']}`
  const { location } = headers
  const leads = location === undefined ? '' : ` to ${location}`
  return problem(
    url,
    `answers ${status}${leads}, which is not deployhook's answer but another's${server}${by({ through })}`,
    proxyStatus(status),
  )
}

/** The two shapes in which deployhook refuses: src/http/README.md. */
function isOurs(text: string): boolean {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body !== 'object' || body === null) return false
    if ('result' in body) return body.result === 'refused'
    return (
      'error' in body &&
      typeof body.error === 'object' &&
      body.error !== null &&
      'code' in body.error &&
      'message' in body.error
    )
  } catch {
    return false
  }
}

function by({ through }: Pick<WebAnswer, 'through'>): string {
  return through === null ? '' : ` (asked through the proxy ${through} of the environment)`
}

function unreachableCure({ through }: Pick<WebAnswer, 'through'>): string {
  if (through !== null) return 'see whether the proxy lets this through, or excuse the host from it: NO_PROXY'
  return 'DNS, firewall, TLS or proxy; where this machine cannot reach its own public address (NAT), try from elsewhere: curl -i -X POST URL must answer 401 {"result":"refused"}'
}
