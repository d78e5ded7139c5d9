import { describe, expect, it } from 'vitest'
import { soakFaults } from './faults.ts'
import { hindrance } from './inject.ts'

const why = hindrance()

describe.skipIf(why !== null)(`a failing system call${why === null ? '' : ` (not here: ${why})`}`, () => {
  it('leaves the old tree, the new one or one known to be underway, and a retry away from what was pushed', async () => {
    const { failed, problems } = await soakFaults('inPlace', { every: 10 })
    expect(problems).toEqual([])
    expect(Object.keys(failed)).toEqual(expect.arrayContaining(['write', 'open']))
  }, 600_000)

  it('leaves current on a whole release, the old one or the new one, and a retry away from what was pushed', async () => {
    const { failed, problems } = await soakFaults('releases', { every: 10 })
    expect(problems).toEqual([])
    expect(Object.keys(failed)).toEqual(expect.arrayContaining(['write', 'fsync', 'rename', 'open', 'symlink']))
  }, 600_000)

  it.each(['inPlace', 'releases'] as const)(
    'is seen when what is live is not what it is said to be (%s)',
    async (way) => {
      expect((await soakFaults(way, { most: 1, spoil: true })).problems).not.toEqual([])
    },
    120_000,
  )
})
