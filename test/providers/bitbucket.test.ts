import { expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import { bitbucket } from '../../src/providers/bitbucket.ts'
import { revision } from '../support/map.ts'

it.each([
  ['https://bitbucket.org/acme/blog.git', 'bitbucket.org/acme/blog'],
  ['git@bitbucket.org:acme/blog.git', 'bitbucket.org/acme/blog'],
  ['/srv/git/acme/blog.git', 'file:/srv/git/acme/blog'],
])('a push made up for %s names it as %s', (url, identity) => {
  const at = new Date('2026-03-01T12:00:00Z')
  const secrets = [new Secret('a-secret-for-bitbucket')] as const
  const { event, body } = bitbucket.compose({
    ...{ repository: 'acme/blog', url, ref: 'refs/heads/main', before: revision('a'), after: revision('b') },
    ...{ forced: false, message: 'One', pusher: 'mona', at },
  })
  const signed = bitbucket.sign({ event, id: 'id-1', body, at }, { secret: secrets[0], options: {} })
  const sent = { webhook: 'bitbucket', receivedAt: at, remoteAddress: '192.0.2.1', ...signed }
  const verified = bitbucket.verify(sent, { secrets, options: {} })
  if ('refused' in verified) expect.fail(verified.refused)
  expect(bitbucket.parse(verified)).toMatchObject({ pushes: [{ names: [identity, 'acme/blog'] }] })
})
