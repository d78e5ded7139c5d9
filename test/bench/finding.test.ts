import { describe, expect, it } from 'vitest'
import { judge, percentile, type Finding, type Target } from '../../bench/support/finding.ts'
import { tableOf } from '../../bench/support/table.ts'

describe('what a benchmark found', () => {
  it('is compared round by round: a slow moment of the machine slows both sides of a pair', () => {
    const { ours, theirs, ratio } = judge(finding({ ours: [100, 10, 100], theirs: [200, 20, 200] }))

    expect(ours).toEqual({ median: 100, min: 10, max: 100 })
    expect(theirs?.median).toBe(200)
    expect(ratio).toEqual({ median: 0.5, min: 0.5, max: 0.5 })
  })

  it('of two rounds is neither the better nor the worse', () => {
    const { ours, ratio } = judge(finding({ ours: [100, 300], theirs: [100, 100] }))

    expect(ours).toEqual({ median: 200, min: 100, max: 300 })
    expect(ratio?.median).toBe(2)
  })

  it.each<[Target, boolean]>([
    [{ of: 'ratio', is: 'at least', limit: 2 }, true],
    [{ of: 'ratio', is: 'at least', limit: 2.1 }, false],
    [{ of: 'ratio', is: 'at most', limit: 1.9 }, false],
    [{ of: 'difference', is: 'at most', limit: 5 }, true],
    [{ of: 'difference', is: 'at most', limit: 4 }, false],
    [{ of: 'value', is: 'at most', limit: 10 }, true],
    [{ of: 'value', is: 'at least', limit: 11 }, false],
  ])('reaches its target or not: %j', (target, isMet) => {
    expect(judge(finding({ ours: [10], theirs: [5], target })).isMet).toBe(isMet)
  })

  it('reaches no ratio where there is nothing to compare with', () => {
    const target = { of: 'ratio', is: 'at least', limit: 1 } as const

    expect(judge(finding({ ours: [10], target })).isMet).toBeNull()
  })

  it('is a line of a table, with the least and the most', () => {
    const target = { of: 'ratio', is: 'at least', limit: 4 } as const
    const [, , line] = tableOf([finding({ ours: [1000, 3000, 2000], theirs: [100, 100, 100], target })]).split('\n')

    expect(line).toBe('| rate | 2,000/s (1,000–3,000) | 100/s (peer) | 20 × (10–30) | ≥ 4 × ✓ |')
  })
})

it('a percentile is a value that was measured', () => {
  const values = Array.from({ length: 200 }, (_, at) => 200 - at)

  expect([percentile(values, 0), percentile(values, 0.5), percentile(values, 0.99)]).toEqual([1, 101, 199])
  expect(percentile([7], 0.99)).toBe(7)
  expect(percentile([], 0.5)).toBeNaN()
})

function finding(found: {
  readonly ours: readonly number[]
  readonly theirs?: readonly number[]
  readonly target?: Target
}): Finding {
  const { ours, theirs, target = null } = found
  return { what: 'rate', unit: '/s', ours, theirs: theirs ? { who: 'peer', values: theirs } : null, target }
}
