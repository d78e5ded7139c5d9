import type { RefusalReason } from '../model/delivery.ts'
import type { HookForm } from '../providers/provider.ts'
import { formOf } from './form.ts'
import type { ExplainDeps } from './deps.ts'
import type { Meaning } from './reasons.ts'

/** Why a request was not believed, for the person who set up the webhook, in the words of the host's form. */
export function refusalMeaning(
  { webhook, reason }: { readonly webhook: string; readonly reason: RefusalReason },
  deps: Pick<ExplainDeps, 'map'>,
): Meaning {
  const form = formOf(webhook, deps)
  return { sentence: sentences[reason], cure: cureOf(reason, { webhook, form }) }
}

const sentences: Readonly<Record<RefusalReason, string>> = {
  no_signature:
    'it carried no signature or token: the form at the git host holds no secret, or it was sent by somebody else',
  bad_signature: 'the secret in the form is not the one in deploy.yml',
  wrong_scheme: 'it was signed in a way that this webhook does not take, such as by another kind of git host',
  stale: 'its time stamp is too far from the time of this machine',
  malformed_header: 'what should prove it was doubled, or not of the form that is documented',
}

function cureOf(reason: RefusalReason, { webhook, form }: { webhook: string; form: HookForm }): string {
  const { secretField, sends, again } = form
  const cures: Readonly<Record<RefusalReason, string>> = {
    no_signature: `Enter the secret of webhook ${webhook} at ${secretField}, save, and ${again}.`,
    bad_signature: `Enter the same secret in deploy.yml and at ${secretField} (mind a space or line break at its end), then ${again}. After changing it on this side: deployhook reload for one from a file, systemctl restart deployhook for one from the environment or a credential. If they are the same, a proxy changes the request on its way.`,
    wrong_scheme: `This webhook wants ${sends}. If another kind of git host sends, name that one as "provider:" of webhook ${webhook} in deploy.yml, then deployhook reload.`,
    stale: `Check the clocks of this machine (timedatectl) and of the sender, then ${again}. An old delivery that is sent once more may keep its old time stamp: then push again.`,
    malformed_header: `This webhook wants ${sends}. If that is sent, look at what the proxy in front does to headers: it must pass them on once and unchanged.`,
  }
  return cures[reason]
}
