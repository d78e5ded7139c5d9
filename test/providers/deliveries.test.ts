import { describe, expect, it } from 'vitest'
import { jsonTextOf } from '../../src/providers/json-text.ts'
import { fixtures, providerNames, providerOf, verify } from './fixtures.ts'

describe('golden deliveries', () => {
  it.each(fixtures)('$provider/$name is believed and says what its file tells', (fixture) => {
    const provider = providerOf(fixture)
    const verified = verify(provider, fixture.delivery, [fixture.secret])
    if ('refused' in verified) expect.fail(`refused: ${verified.refused}`)

    const { providerId, idIsSigned, secret, body, headers } = verified
    expect({ providerId, idIsSigned, secret }).toEqual({
      providerId: fixture.providerId,
      idIsSigned: fixture.idIsSigned,
      secret: 0,
    })
    // Where a field of a form is signed, the body is that field from here on.
    const proven = fixture.signsTheText ? jsonTextOf(fixture.delivery) : { value: fixture.delivery.body }
    expect({ body: { value: body }, headers }).toEqual({ body: proven, headers: fixture.delivery.headers })
    expect(provider.parse(verified)).toEqual(fixture.parsed)
  })

  it.each(providerNames)(
    'of %s there is a push, a deleted branch, an event that never deploys and a malformed body',
    (name) => {
      const kinds = fixtures
        .filter(({ provider }) => provider === name)
        .map(({ parsed }) => (parsed.kind === 'pushes' && parsed.pushes[0]?.after === null ? 'deleted' : parsed.kind))
      expect(new Set(kinds)).toEqual(new Set(['pushes', 'deleted', 'malformed', 'ignored']))
    },
  )
})
