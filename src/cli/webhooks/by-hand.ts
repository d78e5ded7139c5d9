import { entryText, type SecretSource } from '../../config/index.ts'
import { providerOf } from '../../providers/index.ts'
import { oneLine } from '../text.ts'
import type { Place } from './place.ts'

/** How to replace a secret that this command cannot: the order in which no push is refused. */
export function stepsByHand(
  { webhook, map, app }: Pick<Place, 'webhook' | 'map' | 'app'>,
  { source, problem }: { readonly source: SecretSource | null; readonly problem: string | null },
): string {
  const make = providerOf(webhook).makeSecret ?? 'openssl rand -hex 32'
  const why = problem ?? whyOf(source)
  const steps = [
    ...newOne(source, make),
    `in ${oneLine(map.file)}, webhooks.${webhook.name}, instead of what names the secret now:\n       ${entryText([renamed(source), source ?? { file: '/path/to/the/old' }])}`,
    source !== null && 'file' in source ? 'deployhook reload' : 'systemctl restart deployhook',
    `deployhook webhooks rotate ${app.name}   (finds both, and enters the new one at the git host)`,
    `deployhook webhooks                      (until the old one is not used any more)`,
    `in ${oneLine(map.file)}: ${entryText([renamed(source)])}, and once more the step before the last two`,
  ]
  return [
    `this command cannot replace the secret of webhook ${webhook.name} itself: ${oneLine(why)}.`,
    'By hand, in this order, in which no push is refused (nothing was changed yet):',
    ...steps.map((step, index) => `  ${index + 1}. ${step}`),
  ].join('\n')
}

function whyOf(source: SecretSource | null): string {
  if (source === null) return 'deploy.yml names none'
  if ('env' in source)
    return `it comes from the environment variable ${source.env} of the daemon, which only its service can change`
  return 'credential' in source
    ? `it comes from the systemd credential ${source.credential}, which only its unit can change`
    : 'its file cannot be replaced'
}

/** The name of the new one, beside the old one's. */
function renamed(source: SecretSource | null): SecretSource {
  if (source === null) return { file: '/path/to/the/new' }
  if ('env' in source) return { env: `${source.env}_NEW` }
  return 'file' in source ? { file: `${source.file}.new` } : { credential: `${source.credential}-new` }
}

function newOne(source: SecretSource | null, make: string): readonly string[] {
  if (source !== null && 'env' in source)
    return [
      `echo "${source.env}_NEW=$(${make})" >> /etc/deployhook/secrets.env   (or wherever EnvironmentFile= of the unit leads)`,
    ]
  if (source !== null && 'credential' in source) {
    const name = `${source.credential}-new`
    return [
      `(umask 077; ${make} > /etc/deployhook/${name})`,
      `systemctl edit deployhook, and add below [Service]: LoadCredential=${name}:/etc/deployhook/${name}`,
    ]
  }
  const file = source === null ? '/path/to/the/new' : `${source.file}.new`
  return [`(umask 077; ${make} > ${file}), and give it the owner that the old one has`]
}
