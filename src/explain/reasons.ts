import type { DeliveryRecord, IgnoredApp } from '../model/delivery.ts'
import type { App } from '../model/deploy-map.ts'
import { deploysRef, refsOf } from '../model/ref-filter.ts'
import { shortRef } from '../model/ref.ts'
import type { HookForm } from '../providers/provider.ts'
import { deployCommand } from './deploy-command.ts'

/** What a reason code means as one sentence, and what to do about it. */
export type Meaning = { readonly sentence: string; readonly cure: string }

/** Why an app that knows the repository did not want a push. Every sentence begins with the app's name. */
export function ignoredMeaning(
  { app: name, reason }: IgnoredApp,
  {
    app,
    delivery,
    again,
  }: { readonly app: App | undefined; readonly delivery: DeliveryRecord; readonly again: string },
): Meaning {
  if (app === undefined) return goneMeaning({ name, reason, again })
  const branch = delivery.ref === null ? 'a branch that nobody named' : shortRef(delivery.ref)
  if ((reason === 'branch' || reason === 'tag') && delivery.ref !== null && deploysRef(app, delivery.ref)) {
    return {
      sentence: `${name} did not deploy ${branch} by the deploy.yml of then; by that of now it does`,
      cure: `To have it judged by that of now: ${again}`,
    }
  }
  const nowWanted = `Then deployhook reload, and ${again}.`
  const meanings: Readonly<Record<AppReason, Meaning>> = {
    webhook: {
      sentence: `${name} takes pushes from ${app.webhook === null ? 'any webhook now' : `webhook ${app.webhook} only`}, and this came to ${delivery.webhook}`,
      cure: `Enter the URL of that webhook (/hooks/${app.webhook ?? 'NAME'}) in the form at the git host, or take "webhook:" out of ${name} in deploy.yml. ${nowWanted}`,
    },
    tag: {
      sentence: `${name} deploys ${refsOf(app)}, and this was a push of tag ${branch}`,
      cure: `If tags are to be deployed, set "tags:" of ${name} in deploy.yml, such as tags: ["v*"]${app.branch === null ? '' : `, and branches: ["${app.branch}"] in place of "branch:" to keep that`}. ${nowWanted}`,
    },
    branch: {
      sentence: `${name} deploys ${refsOf(app)}, and this was a push to ${branch}`,
      cure: `Push to ${app.branch ?? 'one that it deploys'}, or set "${app.branch === null ? 'branches' : 'branch'}:" of ${name} in deploy.yml. ${nowWanted}`,
    },
    deleted: {
      sentence: `${name} has nothing to deploy of it: the push deleted ${branch}`,
      cure: `If it was a mistake, push ${branch} again; what is live of ${name} stays.`,
    },
    skip: {
      sentence: `${name} leaves it out, as the newest commit asks in its message ("skip:" of ${name} in deploy.yml)`,
      cure: `Deploy it all the same: ${deployCommand(app, delivery.ref)}`,
    },
  }
  return isAppReason(reason) ? meanings[reason] : goneMeaning({ name, reason, again })
}

type AppReason = 'webhook' | 'tag' | 'branch' | 'deleted' | 'skip'

function isAppReason(reason: IgnoredApp['reason']): reason is AppReason {
  return reason !== 'event' && reason !== 'ping' && reason !== 'no_app'
}

/** Nothing more can be said of an app that is no longer in the map. */
function goneMeaning({ name, reason, again }: { name: string; reason: string; again: string }): Meaning {
  return {
    sentence: `${name} did not want it (${reason}), and is no longer in deploy.yml`,
    cure: `If ${name} was renamed, ${again}: the apps of now are asked.`,
  }
}

/** Why a delivery as a whole wanted nothing, for a reason that belongs to no app; null for one that newer code wrote. */
export function wholeMeaning(
  { event, reason }: DeliveryRecord,
  { form, noApp }: { readonly form: HookForm; readonly noApp: Meaning },
): Meaning | null {
  const meanings: ReadonlyMap<string | null, Meaning> = new Map([
    [
      'event',
      {
        sentence: `an event of the kind ${event ?? 'it sent'} never deploys anything: only pushes do`,
        cure: `Nothing is wrong. To be spared these, choose in the form at the git host: ${form.fields.join(', ')}.`,
      },
    ],
    [
      'ping',
      {
        sentence: "this was the git host's own test of the webhook: it works",
        cure: 'Push to a branch that an app deploys.',
      },
    ],
    ['no_app', noApp],
  ])
  return meanings.get(reason) ?? null
}

/** Why a deployment was left at that, by its reason code. */
export const skippedMeanings: Readonly<Record<string, string>> = {
  already_live: 'the commit was live already and its entry in deploy.yml has not changed since',
  branch_gone: 'the branch or tag no longer exists at the git host',
  ref_unwanted: 'deploy.yml has changed since it was queued, and does not want this branch or tag any more',
  skip: 'its newest commit asks in its message not to be deployed',
  paths: 'nothing changed below the paths that the app is made of',
  quarantined: 'this commit was rolled back, and is not deployed again by itself',
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
