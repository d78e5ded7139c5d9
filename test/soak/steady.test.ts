import { describe, expect, it } from 'vitest'
import { isLeakSeen, soakSteady } from './steady.ts'
import { growthOf, leaksIn, type Vitals } from './vitals.ts'

it('has as little in hand after 5 pushes a second with random faults as before them, and has lost and doubled none', async () => {
  const { problems, pushes, faults } = await soakSteady(60)
  expect(problems).toEqual([])
  expect(pushes).toBeGreaterThanOrEqual(300)
  expect(Object.keys(faults).length).toBeGreaterThan(8)
}, 300_000)

it('is a harness that sees it when a daemon keeps objects and descriptors', async () => {
  expect(await soakSteady(20, { leaks: true })).toSatisfy(isLeakSeen)
}, 300_000)

describe('what counts as a leak', () => {
  const at = (change: Partial<Vitals> = {}): Vitals => ({
    atMs: 0,
    rssBytes: 150e6,
    threads: 11,
    descriptors: ['/dev/null', 'socket:[1]'],
    children: [],
    zombies: [],
    workFiles: 1,
    databaseBytes: 1e6,
    ...change,
  })
  const hour = Array.from({ length: 3600 }, (_, second) => second)
  const sawtooth = (second: number): number => 150e6 + (second % 97) * 1e6
  const judged = (change: Partial<Vitals>, underLoad: readonly Vitals[] = []): readonly string[] =>
    leaksIn({ before: at(), after: at(change), underLoad }, { maxGrowthBytes: 24e6 })

  it('is not the sawtooth of a heap', () => {
    const growth = growthOf(hour.map((second) => ({ atMs: second * 1000, rssBytes: sawtooth(second) })))
    expect(Math.abs(growth)).toBeLessThan(4e6)
  })

  it('is a kilobyte a push below that sawtooth, even if one part of the time was far out', () => {
    const samples = hour.map((second) => ({
      atMs: second * 1000,
      rssBytes: sawtooth(second) + second * 10_000 - (second < 180 ? 80e6 : 0),
    }))
    expect(growthOf(samples)).toBeGreaterThan(30e6)
    expect(growthOf(samples)).toBeLessThan(50e6)
  })

  it.each<[string, Partial<Vitals>, string]>([
    ['an open descriptor', { descriptors: ['/dev/null', 'pipe:[12]', 'socket:[1]'] }, '1 × pipe:[N]'],
    ['a thread', { threads: 12 }, 'threads at rest: 12, 11 before'],
    ['a file below work/', { workFiles: 2 }, 'files below work/ at rest: 2, 1 before'],
    ['a child', { children: [41] }, 'children at rest: 41'],
  ])('is %s more than before', (_, change, problem) => {
    expect(judged(change)).toEqual([expect.stringContaining(problem)])
  })

  it('is a zombie that nobody asks for between two looks', () => {
    expect(judged({}, [at({ zombies: [7] }), at({ zombies: [8] })])).toEqual([])
    expect(judged({}, [at({ zombies: [7] }), at({ zombies: [7] })])).toEqual(['zombies at two looks in a row: 7'])
  })
})
