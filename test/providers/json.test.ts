import { describe, expect, it } from 'vitest'
import { parseJson } from '../../src/providers/json.ts'

const read = (text: string): unknown => parseJson(Buffer.from(text))
const tooDeep = { problem: 'the body is nested deeper than 100 levels' }

describe('a JSON body', () => {
  it('is the value that it spells', () => {
    expect(read('{"a":[1,"x\\u00e9",{"b":null}]}')).toEqual({ value: { a: [1, 'xé', { b: null }] } })
  })

  it.each([
    '',
    ' ',
    '{',
    '{"a":1',
    '{a:1}',
    "{'a':1}",
    '{"a":1}x',
    '[1,]',
    'NaN',
    '{"a":"\n"}',
    '\ufeff{}',
    'undefined',
  ])('is not %j', (text) => {
    expect(read(text)).toEqual({ problem: 'the body is not JSON' })
  })

  it.each([
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from([0x22, 0xc0, 0x80, 0x22]),
    Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
    Buffer.from('{"a":"é"}', 'latin1'),
    Buffer.from('{}', 'utf16le').subarray(0, 3),
  ])('is UTF-8 and nothing else (case %#)', (bytes) => {
    expect(parseJson(bytes)).toHaveProperty('problem')
  })

  it('may be nested 100 levels deep and no deeper, in any mixture of brackets', () => {
    const nested = (depth: number): string => `${'[{"a":'.repeat(depth / 2)}0${'}]'.repeat(depth / 2)}`
    expect(read(nested(100))).toHaveProperty('value')
    expect(read(nested(102))).toEqual(tooDeep)
    expect(read('['.repeat(101))).toEqual(tooDeep)
    expect(read('{"a":'.repeat(100_000))).toEqual(tooDeep)
  })

  it('with ten million brackets is refused at the hundred and first', () => {
    expect(parseJson(Buffer.alloc(10_000_000, '['))).toEqual(tooDeep)
  })

  it('may hold any number of brackets side by side, or within strings', () => {
    const wide = Array.from({ length: 1000 }, () => [[], {}])
    expect(read(JSON.stringify(wide))).toEqual({ value: wide })
    for (const text of [
      '['.repeat(1000),
      `"${'['.repeat(1000)}`,
      `\\"${'{'.repeat(1000)}`,
      `\\${'['.repeat(500)}\\\\"${'['.repeat(500)}`,
    ]) {
      expect(read(JSON.stringify({ [text]: text }))).toEqual({ value: { [text]: text } })
    }
  })

  it('cannot hide its depth behind strings or closing brackets', () => {
    expect(read(`["\\\\",${'['.repeat(200)}`)).toEqual(tooDeep)
    expect(read(`["\\"[",${'['.repeat(200)}`)).toEqual(tooDeep)
    // More closing than opening is no JSON, so JSON.parse stops there before any depth.
    expect(read(`${']'.repeat(200)}${'['.repeat(250)}`)).toEqual({ problem: 'the body is not JSON' })
  })
})
