import { describe, expect, it } from 'vitest'
import { cutPower, hindrance } from './power-cut.ts'

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
})
