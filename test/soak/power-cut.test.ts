import { describe, expect, it } from 'vitest'
import { hindrance } from './cut-disk.ts'
import { cutTrees } from './cut-trees.ts'
import { cutPower } from './power-cut.ts'

const why = hindrance()

describe.skipIf(why !== null)(`power cuts${why === null ? '' : ` (not here: ${why})`}`, () => {
  it('10 of them cost nothing that was acknowledged', async () => {
    const { cuts, acknowledged, lost } = await cutPower(10, 'full')
    expect({ cuts, lost }).toEqual({ cuts: 10, lost: 0 })
    expect(acknowledged).toBeGreaterThan(10)
  })

  it.each(['normal', 'off'] as const)('are seen to cost something with synchronous = %s', async (mode) => {
    expect((await cutPower(2, mode)).lost).toBeGreaterThan(0)
  })

  it.each(['releases', 'in-place'] as const)(
    'leave what is live whole (%s), unless nobody has synced it',
    async (strategy) => {
      const { counted, torn } = await cutTrees(4, { strategy })
      expect({ isCounted: counted > 1, torn }).toEqual({ isCounted: true, torn: 0 })
      expect((await cutTrees(2, { strategy, control: true })).torn).toBeGreaterThan(0)
    },
    120_000,
  )
})
