import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { VerifiedDelivery } from '../../src/model/delivery.ts'
import { providers } from '../../src/providers/index.ts'
import { parseDelivery } from '../../src/providers/parse-delivery.ts'
import { sample, sentBy, verify } from './fixtures.ts'

const secret = 'a-secret-for-large-deliveries'

describe('a delivery of many megabytes', () => {
  it('is read while others have their turn', async () => {
    const reading = parseDelivery(pushOf({ megabytes: 1 }), { provider: 'github' })

    expect(await turnsUntil(reading)).toBeGreaterThan(0)
    expect(await turnsUntil(parseDelivery(pushOf({ megabytes: 0 }), { provider: 'github' }))).toBe(0)
  })

  it('says what a small one says, and is whole afterwards', async () => {
    const sent = pushOf({ megabytes: 2 })
    const before = Buffer.from(sent.body)
    const { parsed, delivery } = await parseDelivery(sent, { provider: 'github' })

    expect(parsed).toEqual(providers.github.parse(pushOf({ megabytes: 0 })))
    expect(delivery.body.equals(before)).toBe(true)
    expect(delivery).toEqual({ ...sent, body: before })
  })

  it('leaves alone what lies beside it in memory', async () => {
    const sent = pushOf({ megabytes: 1 })
    const memory = Buffer.concat([Buffer.from('before'), sent.body, Buffer.from('after')])
    const { delivery } = await parseDelivery(
      { ...sent, body: memory.subarray(6, 6 + sent.body.length) },
      { provider: 'github' },
    )

    expect(memory.toString('latin1', 0, 6)).toBe('before')
    expect(delivery.body.equals(sent.body)).toBe(true)
  })

  it('that says nothing is malformed, with the same words', async () => {
    const nothing = believed(Buffer.alloc(2 ** 21, '['))

    expect((await parseDelivery(nothing, { provider: 'github' })).parsed).toEqual({
      kind: 'malformed',
      event: 'push',
      problem: 'the body is nested deeper than 100 levels',
    })
  })
})

/** GitHub's, with a message so long. */
function pushOf({ megabytes }: { readonly megabytes: number }): VerifiedDelivery {
  const { body } = providers.github.compose(sample)
  const padding = Array.from({ length: megabytes }, () => 'x'.repeat(2 ** 20))
  return believed(Buffer.from(JSON.stringify({ ...(JSON.parse(body.toString()) as object), padding })))
}

function believed(body: Buffer): VerifiedDelivery {
  const verified = verify(providers.github, sentBy(providers.github, body, { secret }), [secret])
  if ('refused' in verified) throw new Error(verified.refused)
  return verified
}

/** How often whatever else waits was served before this was done. */
async function turnsUntil(done: Promise<unknown>): Promise<number> {
  const ended = done.then(() => true)
  let turns = 0
  while (!(await Promise.race([ended, turn(false)]))) turns++
  return turns
}
