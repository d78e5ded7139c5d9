import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { harmless, harmlessJson, oneLine, shorten } from '../../src/cli/text.ts'
import { hostile } from './world.ts'

const dangerous = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

const anything = fc.string({ unit: 'binary' })
const escapes = fc
  .array(
    fc.constantFrom('\u001b', '[', ']', 'P', '\\', '\u009b', '\u009d', '\u0007', '31', 'm', ';', '\r', '\n', 'x'),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))

describe('text from outside on a terminal', () => {
  it('takes escape sequences out with what they carry', () => {
    expect(
      harmless(
        'a\u001b[1;31mred\u001b[0m b\u001b]0;owned\u0007 c\u001b]8;;javascript:x\u001b\\link\u001b]8;;\u001b\\ d',
      ),
    ).toBe('ared b c' + 'link d')
  })

  it('takes the 8-bit forms, bells, nulls and reading directions out', () => {
    expect(harmless('a\u009b2Jb\u009d0;t\u009cc\u0007d\u0000e\u202ef\u2066g')).toBe('abcdefg')
  })

  it('leaves nothing that steers the terminal behind, whatever comes', () => {
    fc.assert(fc.property(fc.oneof(anything, escapes), (text) => !dangerous.test(harmless(text))))
  })

  it('leaves text, tabs and line ends as they are', () => {
    expect(harmless('größer\t文字 🎉\nnext')).toBe('größer\t文字 🎉\nnext')
  })

  it('puts the states of a progress bar on lines of their own', () => {
    expect(harmless('10%\r50%\r100%\r\ndone')).toBe('10%\n50%\n100%\ndone')
  })

  it('reads a megabyte of unfinished sequences in a moment', { timeout: 5000 }, () => {
    for (const start of ['\u001b]', '\u009d', '\u001b[', '\u001bP'])
      expect(harmless(start.repeat(500_000))).not.toMatch(dangerous)
  })

  it('keeps a name on one line', () => {
    expect(oneLine('main\nDELIVERY 13 accepted\t\u001b[31m!')).toBe('main DELIVERY 13 accepted !')
  })

  it('prints JSON that is valid, the same value, and harmless', () => {
    fc.assert(
      fc.property(fc.oneof(anything, escapes, fc.constant(hostile)), (text) => {
        const printed = harmlessJson({ [text]: [text] })
        expect(JSON.parse(printed)).toEqual({ [text]: [text] })
        expect(printed).not.toMatch(dangerous)
      }),
    )
  })

  it('shortens by characters, never in the middle of one', () => {
    expect(shorten('🎉🎉🎉🎉', 3)).toBe('🎉🎉…')
    expect(shorten('abc', 3)).toBe('abc')
  })
})
