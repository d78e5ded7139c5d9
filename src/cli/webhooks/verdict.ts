import type { Sent } from '../../hosts/index.ts'
import { proxyStatus } from '../../doctor/proxy-status.ts'
import { oneLine } from '../text.ts'
import type { Arrived } from './arrival.ts'
import type { Place } from './place.ts'

export type Verdict = { readonly ok: boolean; readonly said: string; readonly cure: string | null }

/** What arrived, and whether a push would do what is wanted. */
export function arrivedText(arrived: Exclude<Arrived, { kind: 'nothing' }>, { app, host }: Place): Verdict {
  if (arrived.kind === 'refusal') {
    const { reason } = arrived.refusal
    return {
      ok: false,
      said: `it arrived, and was refused: ${oneLine(reason)}`,
      cure:
        reason === 'bad_signature'
          ? `${host.title} has another secret than deploy.yml. Enter the one of deploy.yml there: deployhook webhooks create ${app.name}`
          : 'what that means: deployhook explain',
    }
  }
  const { id, result, reason, event, deployments, secret } = arrived.delivery
  const what = `${oneLine(event ?? 'a delivery')}, delivery ${id}`
  const proof = secret === 0 ? '' : ', proven by the second of the two secrets'
  if (result === 'accepted')
    return {
      ok: true,
      said: `it arrived (${what}${proof}) and was accepted: ${deployments.map((one) => `deployment ${one.id} of ${oneLine(one.app)}`).join(', ')}`,
      cure: null,
    }
  if (result === 'duplicate')
    return { ok: true, said: `it arrived (${what}${proof}); the same had come before`, cure: null }
  // A ping is never wanted: that it was believed is all that it can tell.
  if (reason === 'ping') return { ok: true, said: `it arrived (${what}${proof}) and was believed`, cure: null }
  return {
    ok: false,
    said: `it arrived (${what}${proof}) and was believed, but no app wants it: ${oneLine(reason ?? result)}`,
    cure: `deployhook explain delivery ${id}`,
  }
}

/** Where it was lost, by what the host remembers of it. */
export function lostText(
  sent: Sent | null,
  { place, isTold }: { readonly place: Place; readonly isTold: boolean },
): Omit<Verdict, 'ok'> {
  const { host, url, webhook, app } = place
  const tryFromHere = `deployhook send --webhook ${webhook.name} --app ${app.name} --url ${new URL(url).origin} tries the way in from this machine`
  if (sent?.status !== null && sent?.status !== undefined && sent.status >= 200 && sent.status < 300)
    return {
      said: `nothing arrived here, although ${host.title} got the answer ${sent.status}`,
      cure: `another program answers at ${oneLine(url)}: ${tryFromHere}`,
    }
  if (sent?.status !== null && sent?.status !== undefined)
    return {
      said: `nothing arrived here: ${host.title} got the answer ${sent.status}`,
      cure: `${proxyStatus(sent.status)}; ${tryFromHere}`,
    }
  const words = sent?.said === null || sent?.said === undefined ? '' : ` (${oneLine(sent.said)})`
  const privately = host.privateNetworks === null ? '' : ` ${host.privateNetworks}`
  return {
    said:
      isTold && sent !== null ? `nothing arrived here: ${host.title} got no answer${words}` : 'nothing arrived here',
    cure: `${host.title} does not reach ${oneLine(new URL(url).host)}: DNS, firewall, proxy or certificate. ${tryFromHere}; what ${host.title} saw is on the page of the hook.${privately}`,
  }
}
