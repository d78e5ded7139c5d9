import { stat } from 'node:fs/promises'
import { ago } from '../lib/ago.ts'
import { errorCode } from '../lib/error-code.ts'
import type { Webhook } from '../model/deploy-map.ts'
import { each } from './each.ts'
import { ok, warning, type Found } from './finding.ts'
import type { Check, Patient } from './patient.ts'

const oldMs = 365 * 24 * 3_600_000

/** How old the secrets are, which of two can be dropped, and which can be guessed. */
export const checkSecrets: Check = async (patient) => {
  const { map } = patient
  if (map === null) return []
  const found = [
    ...(await each(map.secretFiles, 8, (file) => ageFindings(file, patient))).flat(),
    ...(await each([...map.webhooks.values()], 4, (webhook) => webhookFindings(webhook, patient))).flat(),
  ]
  return found.length > 0 ? found : [ok('secrets', 'none is old, weak or left over')]
}

async function ageFindings(
  { key, file }: { readonly key: string; readonly file: string },
  { now }: Patient,
): Promise<readonly Found[]> {
  try {
    const { mtime } = await stat(file)
    if (now().getTime() - mtime.getTime() < oldMs) return []
    const cure = key.startsWith('webhooks.')
      ? 'make a new one, name both under secrets: [new, old], enter the new one at the git host, then drop the old one'
      : 'make a new one'
    return [warning(key, `the secret in ${file} has not been changed since ${ago(mtime, now())}`, cure)]
  } catch (error) {
    if (errorCode(error) === null) throw error
    return [warning(key, `${file} is not there any more, or may not be looked at: a restart would fail`)]
  }
}

async function webhookFindings(webhook: Webhook, { daemon, now }: Patient): Promise<readonly Found[]> {
  const { name, secrets } = webhook
  const where = `webhooks.${name}`
  const weak = secrets
    .filter((secret) => secret.reveal().length < 16)
    .map(() =>
      warning(
        where,
        'a secret has less than 16 characters, which can be guessed (allow_weak_secret)',
        'make a longer one: openssl rand -hex 32',
      ),
    )
  if (daemon === null || secrets.length < 2) return weak
  const [young = null, old = null] = await daemon.secretUses(webhook)
  return [...weak, ...judgePair(where, { young, old, now: now() })]
}

function judgePair(
  where: string,
  { young, old, now }: { readonly young: Date | null; readonly old: Date | null; readonly now: Date },
): readonly Found[] {
  if (young === null)
    return [
      warning(
        where,
        `of its two secrets the new one has not been used yet${old === null ? '' : `, and the old one was ${ago(old, now)}`}`,
        'enter the new one at the git host',
      ),
    ]
  if (old !== null && old >= young)
    return [
      warning(
        where,
        `the old one of its two secrets was still used ${ago(old, now)}`,
        'enter the new one at every place that sends here, then drop the old one',
      ),
    ]
  return [
    warning(
      where,
      `the old one of its two secrets has not been used since the new one was (${ago(young, now)})`,
      'if nothing else sends here, drop it from deploy.yml',
    ),
  ]
}
