import { didYouMean, quoted } from '../did-you-mean.ts'
import { optionsOf, sourcesOf } from '../entries.ts'
import { problemAt, problemAtKey, warningAt, type Finding, type Path } from '../finding.ts'
import type { WrittenWebhook } from '../schema.ts'
import type { Judged, Rule } from './rule.ts'

export const providerIsKnown: Rule = ({ written, document, providers }) =>
  webhooksOf(written).flatMap(({ name, path, webhook }) => {
    if (webhook.provider !== undefined || Object.hasOwn(providers, name) || document.has([...path, 'provider']))
      return []
    const names = Object.keys(providers)
    const nearest = didYouMean(name, names)
    const cure = nearest.startsWith(':') ? nearest : `: add provider: and one of ${names.join(', ')}`
    return [problemAtKey(path, `${quoted(name)} is no kind of git host${cure}`)]
  })

export const hasSecret: Rule = ({ written, document, providers }) =>
  webhooksOf(written).flatMap(({ name, path, webhook }) => {
    const [one, two] = [document.has([...path, 'secret']), document.has([...path, 'secrets'])]
    if (one && two)
      return [
        problemAtKey([...path, 'secrets'], 'secret and secrets are both here: put both into secrets, the newest first'),
      ]
    if (one || two) return []
    const kind = webhook.provider ?? name
    const makeOne = (Object.hasOwn(providers, kind) ? providers[kind]?.makeSecret : undefined) ?? 'openssl rand -hex 32'
    const cure = `add secret: { env: NAME } (a new one: ${makeOne})`
    return [problemAtKey(path, `has no secret, and would believe anybody: ${cure}`)]
  })

/** The schema lets every provider's keys pass; here they meet the provider that is meant. */
export const optionsFitProvider: Rule = ({ written, providers }) =>
  webhooksOf(written).flatMap(({ name, path, webhook }) => {
    const kind = webhook.provider ?? name
    const provider = Object.hasOwn(providers, kind) ? providers[kind] : undefined
    const parsed = provider?.options.safeParse(optionsOf(webhook))
    if (parsed === undefined || parsed.success) return []
    return parsed.error.issues.flatMap((issue): readonly Finding[] => {
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) =>
          problemAtKey([...path, key], `${kind} has no key ${quoted(key)}: it belongs to another provider`),
        )
      }
      return [problemAt([...path, ...(issue.path as Path)], issue.message)]
    })
  })

export const secretsFitProvider: Rule = ({ written, providers, secrets }) =>
  webhooksOf(written).flatMap(({ name, path, webhook }) => {
    const kind = webhook.provider ?? name
    const found = sourcesOf(webhook).map((source) => secrets.get(source))
    const known = found.filter((secret) => secret !== undefined)
    if (known.length === 0 || known.length < found.length || !Object.hasOwn(providers, kind)) return []
    const problem = providers[kind]?.checkSecrets?.(known) ?? null
    return problem === null ? [] : [problemAt([...path, webhook.secret === undefined ? 'secrets' : 'secret'], problem)]
  })

export const someWebhook: Rule = ({ document }) =>
  document.keysOf(['webhooks']).length > 0
    ? []
    : [warningAt(['webhooks'], 'there is no webhook: nothing that is pushed will be heard of')]

function webhooksOf(
  written: Judged['written'],
): { readonly name: string; readonly path: Path; readonly webhook: WrittenWebhook }[] {
  return Object.entries(written.webhooks ?? {}).map(([name, webhook]) => ({ name, path: ['webhooks', name], webhook }))
}
