import { didYouMean } from '../config/did-you-mean.ts'
import type { Explanation } from '../explain.ts'
import type { Stray, StrayReason } from '../model/delivery.ts'
import { told, type ExplainDeps } from './deps.ts'

type Told = Pick<Explanation, 'facts' | 'next'>

/** Requests that never reached a webhook since the start: the last of each kind, and what to do about it. */
export function explainStrays(deps: ExplainDeps, isMeant: (stray: Stray) => boolean = () => true): Told {
  const seen = new Map<string, Stray>()
  for (const stray of deps.strays.recent()) {
    const kind = `${stray.reason} ${stray.webhook ?? ''}`
    if (isMeant(stray) && !seen.has(kind)) seen.set(kind, stray)
  }
  const shown = [...seen.values()].slice(0, mostShown)
  return {
    facts: shown.map((stray) => `From ${stray.remoteAddress}, ${told(stray.at, deps)}: ${deed(stray, deps)}`),
    next: [...new Set(shown.map((stray) => cure(stray, deps)))],
  }
}

const mostShown = 5

/** Who asks for a webhook that deploy.yml does not have, but that somebody posted to; null: nobody did. */
export function explainNoWebhook(name: string, deps: ExplainDeps): Explanation | null {
  const { facts, next } = explainStrays(deps, ({ webhook }) => webhook === name)
  if (facts.length === 0) return null
  return { headline: `${name} is no webhook of deploy.yml, and something was sent to it`, facts, next }
}

function deed({ reason, webhook }: Stray, { map }: ExplainDeps): string {
  const names = [...map().webhooks.keys()]
  const path = webhook === null ? 'a webhook' : `/hooks/${webhook}`
  if (reason === 'no_webhook' && webhook !== null) {
    return names.includes(webhook)
      ? `a request for something below ${path}, such as a slash at its end, where nothing is`
      : `a request for ${path}, which is not a webhook${didYouMean(webhook, names)}`
  }
  const deeds: Readonly<Record<StrayReason, string>> = {
    no_webhook: 'what looks like a delivery, sent to a URL that is no webhook',
    method: `a request for ${path} by another method than POST`,
    too_large: `more for ${path} than is taken`,
    encoded: `a compressed body for ${path}`,
    rate_limited: `so many refused requests for ${path} that they are answered 429`,
    timeout: 'a request that did not end in time',
    headers_too_large: 'headers that are larger than is taken',
  }
  return deeds[reason]
}

function cure({ reason, webhook }: Stray, { map }: ExplainDeps): string {
  const { publicUrl } = map().server
  const host = publicUrl ?? 'https://YOUR-HOST'
  const [only] = map().webhooks.keys()
  const cures: Readonly<Record<StrayReason, string>> = {
    no_webhook: `Check the URL in the form at the git host: ${host}/hooks/${only ?? 'NAME'}, with the name that the webhook has in deploy.yml and nothing after it.`,
    method:
      'A webhook takes POST alone: a browser that opens its URL shows an error, and a redirect (from http to https) turns POST into GET. Enter the URL that it ends at.',
    too_large: 'The limit is 26 MiB, more than GitHub sends. Choose "Just the push event" in the form at the git host.',
    encoded: 'Turn the compression of request bodies off at whatever sends or passes them on.',
    rate_limited: `Find out who that is; what was wrong with the requests: deployhook explain webhook:${webhook ?? 'NAME'}`,
    timeout: 'If that was the git host: does the proxy pass the whole body on (nginx: proxy_request_buffering)?',
    headers_too_large: 'If that was the git host: which headers does the proxy add?',
  }
  return cures[reason]
}
