import { describe, expect, it } from 'vitest'
import { soakFaults } from './faults.ts'
import { hindrance } from './inject.ts'

const why = hindrance()

describe.skipIf(why !== null)(`a failing system call${why === null ? '' : ` (not here: ${why})`}`, () => {
  it('leaves the old tree, the new one or one known to be underway, and a retry away from what was pushed', async () => {
    const { failed, problems } = await soakFaults({ every: 10 })
    expect(problems).toEqual([])
    expect(Object.keys(failed)).toEqual(expect.arrayContaining(['write', 'open']))
  }, 600_000)

  it('is a harness that sees it when the tree is not what it is said to be', async () => {
    expect((await soakFaults({ most: 1, spoil: true })).problems).not.toEqual([])
  }, 120_000)
})
