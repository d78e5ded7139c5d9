import { createHmac } from 'node:crypto'
import type { Secret } from '../lib/secret.ts'
import { dateOrNull, type Sql } from './sql.ts'

/** When each secret of a webhook last proved a delivery; known by what it is, not by its place in deploy.yml. */
export type SecretUses = {
  record(use: { readonly webhook: string; readonly secret: Secret; readonly at: Date }): void
  /** In the order of `secrets`; null: never. */
  of(webhook: string, secrets: readonly Secret[]): readonly (Date | null)[]
}

export function createSecretUses(sql: Sql, key: string): SecretUses {
  const marks = new WeakMap<Secret, string>()
  const newest = new Map<string, number>()
  return {
    record({ webhook, secret, at }) {
      const use = `${webhook} ${markOf(secret)}`
      if (Math.abs(at.getTime() - (newest.get(use) ?? -Infinity)) < stepMs) return
      newest.set(use, at.getTime())
      sql.run(
        `insert into secret_uses (webhook, secret, last_used_at) values (:webhook, :secret, :at)
         on conflict do update set last_used_at = max(last_used_at, excluded.last_used_at)`,
        { webhook, secret: markOf(secret), at: at.toISOString() },
      )
    },
    of(webhook, secrets) {
      return secrets.map((secret) => {
        const row = sql.first('select last_used_at from secret_uses where webhook = :webhook and secret = :secret', {
          webhook,
          secret: markOf(secret),
        })
        return row === null ? null : dateOrNull(row, 'last_used_at')
      })
    },
  }

  /** Tells two secrets apart and says nothing of either, nor whether another state directory has the same. */
  function markOf(secret: Secret): string {
    const known = marks.get(secret)
    if (known !== undefined) return known
    const mark = createHmac('sha256', key).update(secret.reveal()).digest('hex').slice(0, 16)
    marks.set(secret, mark)
    return mark
  }
}

/** Of a burst the first is kept: nobody asks to the millisecond, and each costs a write. */
const stepMs = 1000
