import { describe, expect, it } from 'vitest'
import { headsOf, mapOf, withApp } from './support.ts'

describe('catch_up', () => {
  it.each([
    ['timeout: 5m', 300_000],
    ['catch_up: 90s', 90_000],
    ['catch_up: off', 0],
    ['catch_up: "off"', 0],
    ['catch_up: 0s', 0],
  ])('of an app with %s is %d ms', async (line, catchUpMs) => {
    expect((await mapOf(withApp(line))).apps.get('blog')).toMatchObject({ catchUpMs })
  })

  it('of defaults is that of every app that does not say otherwise', async () => {
    const of = async (line: string) =>
      (await mapOf(withApp(line) + 'defaults: { catch_up: off }\n')).apps.get('blog')?.catchUpMs
    expect(await of('timeout: 5m')).toBe(0)
    expect(await of('catch_up: 1h')).toBe(3_600_000)
  })

  it.each([
    ['catch_up: 5', '"5" is not a duration such as 5m or 1h (off: never)'],
    ['catch_up: on', 'must be a string: quote it ("on")'],
    ['catch_up: false', 'must be a string: quote it ("false")'],
    ['catch_up: never', '"never" is not a duration such as 5m or 1h (off: never)'],
    ['catch_up: 500ms', 'must be at least 1s'],
    ['catch_up: 8d', 'must be at most 7d'],
    ['env: { catch_up: off }', 'must be a string: quote it ("off")'],
  ])('is refused as %s', async (line, told) => {
    expect(await headsOf(withApp(line))).toEqual([expect.stringContaining(told)])
  })

  it('says how pushes are heard of, so that a change of it makes nothing outdated', async () => {
    const of = async (line: string) => (await mapOf(withApp(line))).apps.get('blog')?.fingerprint
    expect(await of('catch_up: 1h')).toBe(await of('catch_up: off'))
    expect(await of('timeout: 1h')).not.toBe(await of('timeout: 2h'))
  })
})
