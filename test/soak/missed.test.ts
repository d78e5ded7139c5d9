import { expect, it } from 'vitest'
import { soakMissed } from './missed.ts'

it('has all of 5 pushes live that were made while the daemon was down, and none of them without catch-up', async () => {
  expect(await soakMissed(5, { controlMs: 1_000 })).toMatchObject({ live: 5, liveWithoutCatchUp: 0 })
}, 240_000)
