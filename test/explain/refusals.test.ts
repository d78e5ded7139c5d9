import { describe, expect, it } from 'vitest'
import { formOf } from '../../src/explain/form.ts'
import { refusalMeaning } from '../../src/explain/refusals.ts'
import { Secret } from '../../src/lib/secret.ts'
import type { RefusalReason } from '../../src/model/delivery.ts'
import { providers } from '../../src/providers/index.ts'
import { createMap } from '../support/map.ts'

const token = 'a-secret-for-tests-0123456789'
const signing = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

/** What is advised where webhook `hook` is of this provider. */
function cureOf(reason: RefusalReason, { provider, secret = token, options = {} }: Hook): string {
  const map = createMap([], [{ name: 'hook', provider, secrets: [new Secret(secret)], options }])
  return refusalMeaning({ webhook: 'hook', reason }, { map: () => map }).cure
}

type Hook = { readonly provider: string; readonly secret?: string; readonly options?: object }

describe('the cure of a refusal', () => {
  it.each<[Hook, string]>([
    [{ provider: 'github' }, 'at "Secret", save, and redeliver it under "Recent Deliveries".'],
    [{ provider: 'gitlab' }, 'at "Secret token", save, and resend it under "Recent events".'],
    [{ provider: 'gitlab', secret: signing }, 'at "Signing token", save'],
    [{ provider: 'gitea' }, 'at "Secret", save, and send it again under "Recent Deliveries".'],
    [{ provider: 'forgejo' }, 'at "Secret", save'],
    [{ provider: 'gogs' }, 'at "Secret", save'],
    [{ provider: 'bitbucket' }, 'at "Secret", save, and resend it under "View requests".'],
    [{ provider: 'bitbucket-datacenter' }, 'at "Secret", save, and push again'],
    [{ provider: 'gitee' }, 'at "WebHook 密码" (password) or "签名密钥" (signing key), save, and push again.'],
    [{ provider: 'azure' }, 'at "Basic authentication password", save, and push again.'],
    [{ provider: 'azure', options: { username: 'ci' } }, '"Basic authentication password" (the username: ci), save'],
    [{ provider: 'azure', options: { header: 'X-Deploy-Token' } }, 'at "HTTP headers", as X-Deploy-Token:SECRET, save'],
    [
      { provider: 'standard', secret: signing },
      'at the signing secret (whsec_…), save, and send it again, signed anew.',
    ],
  ])("names the field of the host's own form: %o", (hook, cure) => {
    expect(cureOf('no_signature', hook)).toContain(cure)
    expect(cureOf('bad_signature', hook)).toContain(cure.split(', save')[0])
  })

  it.each<[RefusalReason, Hook, RegExp]>([
    ['wrong_scheme', { provider: 'gitlab' }, /X-Gitlab-Token: .* goes into "Secret token", not into "Signing token"/],
    ['wrong_scheme', { provider: 'gitlab', secret: signing }, /goes into "Signing token", not into "Secret token"/],
    ['wrong_scheme', { provider: 'gitea' }, /X-Gitea-Signature: the webhook must be of the type "Gitea"/],
    ['wrong_scheme', { provider: 'azure' }, /basic authentication, because deploy\.yml has no "header:"/],
    ['malformed_header', { provider: 'gitee' }, /X-Gitee-Timestamp \(milliseconds\)/],
    ['malformed_header', { provider: 'standard', secret: signing }, /webhook-timestamp \(seconds since 1970/],
    ['stale', { provider: 'standard', secret: signing }, /timedatectl.*then send it again, signed anew/],
    ['stale', { provider: 'gitee' }, /timedatectl.*then push again/],
  ])('says for %s what the host must send: %o', (reason, hook, cure) => {
    expect(cureOf(reason, hook)).toMatch(cure)
  })

  it('is general for a webhook that deploy.yml no longer has', () => {
    const map = createMap([])
    const deps = { map: () => map }
    expect(refusalMeaning({ webhook: 'gone', reason: 'bad_signature' }, deps).cure).toContain('then push again')
    expect(formOf('constructor', deps).again).toBe('push again')
  })

  it('never speaks of GitHub to another host', () => {
    for (const provider of Object.keys(providers).filter((name) => name !== 'github')) {
      const hook = { provider, secret: provider === 'standard' ? signing : token }
      const reasons: readonly RefusalReason[] = ['no_signature', 'bad_signature', 'stale', 'malformed_header']
      expect(reasons.map((reason) => cureOf(reason, hook)).join(' '), provider).not.toMatch(/github|Payload URL/i)
    }
  })
})
