import { expect, it } from 'vitest'
import { soakCanaries } from './canaries.ts'

it('lets no secret of any kind out, wherever it looks, and sees there what it must see', async () => {
  const { kinds, hits, seen, disguises } = await soakCanaries()
  expect(kinds).toBeGreaterThanOrEqual(20)
  expect(hits).toEqual([])
  // The control: a look that sees nothing would prove nothing.
  expect(seen).toEqual(
    expect.arrayContaining([
      ...['database', 'kept body', 'file state.db', 'file state.db-wal', 'file logs/N.log', 'stdout'],
      ...['API /api/deployments/N', 'API /api/deployments/N/log', 'API /api/deliveries/N', 'command show'],
      ...['arguments of git', 'environment of step', 'process: git', 'process: step', 'process: report'],
    ]),
  )
  expect(disguises).toContain('in hex')
}, 240_000)

it('is a harness that sees what a daemon lets out that masks nothing', async () => {
  expect((await soakCanaries({ masking: false })).hits).not.toEqual([])
}, 240_000)
