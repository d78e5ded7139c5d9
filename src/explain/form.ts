import { providerOf } from '../providers/index.ts'
import type { HookForm } from '../providers/provider.ts'
import type { ExplainDeps } from './deps.ts'

/** The form at the git host that belongs to a webhook; in general words for one that deploy.yml no longer has. */
export function formOf(name: string, { map }: Pick<ExplainDeps, 'map'>): HookForm {
  const webhook = map().webhooks.get(name)
  return webhook === undefined ? anyForm : providerOf(webhook).form(webhook)
}

const anyForm: HookForm = {
  urlField: 'the URL',
  secretField: 'the secret in the form at the git host',
  fields: ['the event "push"'],
  sends: 'the signature that the git host documents',
  again: 'push again',
}
