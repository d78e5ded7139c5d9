import { branchOf, tagOf } from '../model/ref.ts'
import { refsOf } from '../model/ref-filter.ts'
import type { App } from '../model/deploy-map.ts'
import type { DeliveryRecord, IgnoredReason, RefusalReason } from '../model/delivery.ts'

/** What a reason code means as one sentence, and what to do about it. */
export type Meaning = { readonly sentence: string; readonly cure: string }

/** Why a request was not believed, for the person who set up the webhook. */
export const refusalMeanings: Readonly<Record<RefusalReason, Meaning>> = {
  no_signature: {
    sentence: 'it carried no signature: the form at the git host holds no secret, or it was sent by somebody else',
    cure: 'Enter the secret of deploy.yml in the webhook form (GitHub: "Secret", GitLab: "Secret token" or "Signing token"), save, and redeliver.',
  },
  bad_signature: {
    sentence: 'the secret in the form is not the one in deploy.yml',
    cure: 'Enter the same secret in both (mind a space or line break at its end), then redeliver. After changing it on this side: deployhook reload for one from a file, systemctl restart deployhook for one from the environment or a credential. If they are the same, a proxy changes the body on its way.',
  },
  wrong_scheme: {
    sentence:
      'it was signed in a way that this webhook does not take, such as SHA-1 alone or by another kind of git host',
    cure: 'Check that "provider:" of the webhook in deploy.yml names the git host that sends, and that the host signs with SHA-256. At GitLab a secret that starts with whsec_ goes into "Signing token", any other into "Secret token".',
  },
  stale: {
    sentence: 'its time stamp is too far from the time of this machine',
    cure: 'Check the clock of this machine (timedatectl), then redeliver from the git host, which stamps it anew.',
  },
  malformed_header: {
    sentence: 'its signature header was doubled or not of the form that the git host writes',
    cure: 'Look at what the proxy in front does to headers: it must pass them on once and unchanged.',
  },
}

/** Why an app that knows the repository did not want a push. */
export function ignoredMeaning(
  reason: IgnoredReason,
  { name, app, delivery }: { readonly name: string; readonly app: App | undefined; readonly delivery: DeliveryRecord },
): Meaning {
  const branch = delivery.ref === null ? null : (branchOf(delivery.ref) ?? delivery.ref)
  const wanted = app === undefined ? null : refsOf(app)
  const tag = delivery.ref === null ? null : tagOf(delivery.ref)
  const cures: Readonly<Record<IgnoredReason, Meaning>> = {
    webhook: {
      sentence: `${name} takes pushes from ${app?.webhook ? `webhook ${app.webhook}` : 'one webhook'} only, and this came to ${delivery.webhook}`,
      cure: `Point the git host at the other webhook, or take "webhook:" out of ${name} in deploy.yml.`,
    },
    tag: {
      sentence: `${name} deploys ${wanted ?? 'something else'}, and this was a push of ${tag === null ? 'a tag' : `tag ${tag}`}`,
      cure: `If tags are to be deployed, set "tags:" of ${name} in deploy.yml, such as tags: ["v*"] (then deployhook reload, and redeliver).`,
    },
    branch: {
      sentence: `${name} deploys ${wanted ?? 'another branch'}, and this was a push to ${branch ?? 'another branch'}`,
      cure: `Push to ${app?.branch ?? 'a branch that it deploys'}, or set "${app?.branch === null ? 'branches' : 'branch'}:" of ${name} in deploy.yml (then deployhook reload, and redeliver).`,
    },
    deleted: {
      sentence: `the push deleted ${branch ?? 'the branch'}, so there is nothing of it to deploy for ${name}`,
      cure: `If it was a mistake, push the branch again; what is live of ${name} stays.`,
    },
    skip: {
      sentence: `the newest commit asks in its message not to be deployed to ${name}`,
      cure: `Deploy it all the same: deployhook deploy ${name}`,
    },
    ...wholeDelivery(delivery),
  }
  return cures[reason]
}

/** Why a delivery as a whole wanted nothing; null for a reason that newer code wrote or that belongs to an app. */
export function wholeMeaning(reason: string, delivery: DeliveryRecord): Meaning | null {
  const meanings: Readonly<Record<string, Meaning>> = wholeDelivery(delivery)
  return Object.hasOwn(meanings, reason) ? (meanings[reason] ?? null) : null
}

function wholeDelivery({ event, repository }: DeliveryRecord): Readonly<Record<'event' | 'ping' | 'no_app', Meaning>> {
  return {
    event: {
      sentence: `an event of the kind ${event ?? 'it sent'} never deploys anything: only pushes do`,
      cure: 'Nothing is wrong. To be spared these, choose "Just the push event" (GitHub) or "Push events" (GitLab) in the webhook form.',
    },
    ping: {
      sentence: "this was the git host's own test of the webhook: it works",
      cure: 'Push to a branch that an app deploys.',
    },
    no_app: {
      sentence: `no app of deploy.yml has the repository ${repository ?? 'that it names'}`,
      cure: `Compare "repo:" of the app with the repository's name at the git host; a name that differs goes into its "aliases:"${repository === null ? '' : ` (here ${repository})`}. Then deployhook reload, and redeliver: it is judged afresh.`,
    },
  }
}

/** Why a deployment was left at that, by its reason code. */
export const skippedMeanings: Readonly<Record<string, string>> = {
  already_live: 'the commit was live already and its entry in deploy.yml has not changed since',
  branch_gone: 'the branch or tag no longer exists at the git host',
  ref_unwanted: 'deploy.yml has changed since it was queued, and does not want this branch or tag any more',
  skip: 'its newest commit asks in its message not to be deployed',
  paths: 'nothing changed below the paths that the app is made of',
  quarantined: 'this commit failed before and is not tried again by itself',
  app_removed: 'the app is no longer in deploy.yml',
}

/** What a queued deployment waits for, by its code. */
export const waitingMeanings: Readonly<Record<string, string>> = {
  turn: 'another deployment of its app, concurrency group or directory goes first',
  slot: 'as many deployments run as server.max_running allows',
  approval: 'somebody has to approve it',
  freeze: 'deployments are frozen',
  window: 'its window has not opened yet',
  hold: 'the app is held',
  retry: 'it is tried again in a while',
}

/** What asked for a deployment, where no delivery did. */
export const triggerMeanings: Readonly<Record<string, string>> = {
  push: 'A push asked for it.',
  'catch-up': 'Catch-up asked for it: the remote had a commit that no delivery told of.',
  replay: 'A kept delivery was replayed.',
  manual: 'A person asked for it.',
  retry: 'A person asked for another try.',
  rollback: 'A person asked to go back.',
}
