import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createStamper, longestLine, parseLine } from '../../src/store/log-lines.ts'
import { start } from './support.ts'

const stamp = start.toISOString()

function stamped(...pieces: readonly (readonly [number | null, string | Buffer])[]): string {
  const stamper = createStamper()
  const out = pieces.map(([step, bytes]) => Buffer.from(stamper.stamp(step, Buffer.from(bytes), start)))
  return Buffer.concat([...out, stamper.finish()])
    .toString('latin1')
    .replaceAll(stamp, 'AT')
}

describe('the lines of a log', () => {
  it.each([
    ['one', [[1, 'a\n']], 'AT 1 a\n'],
    ['two in one piece', [[1, 'a\nb\n']], 'AT 1 a\nAT 1 b\n'],
    [
      'one in two pieces',
      [
        [1, 'a'],
        [1, 'b\n'],
      ],
      'AT 1 ab\n',
    ],
    ['an empty one', [[1, '\n\n']], 'AT 1 \nAT 1 \n'],
    ['an unfinished one', [[1, 'a']], 'AT 1 a\n'],
    [
      "one that the daemon's own interrupts",
      [
        [1, 'a'],
        [null, 'note\n'],
        [1, 'b\n'],
      ],
      'AT 1 a\nAT - note\nAT 1 b\n',
    ],
    ['none', [[1, '']], ''],
  ] as const)('carry time and step: %s', (_, pieces, out) => {
    expect(stamped(...pieces)).toBe(out)
  })

  it.each([longestLine - 1, longestLine, longestLine + 1, 3 * longestLine])(
    'are broken when longer than 64 KiB, here %i bytes',
    (length) => {
      const lines = stamped([1, Buffer.alloc(length, 'x')], [1, '\n']).split('\n')

      expect(lines.pop()).toBe('')
      expect(lines).toHaveLength(Math.ceil(length / longestLine))
      expect(lines.map((line) => line.slice('AT 1 '.length)).join('')).toBe('x'.repeat(length))
    },
  )

  it('are the same however the output is cut up, and lose no byte', () => {
    const output = fc
      .uint8Array({ maxLength: 300 })
      .map((bytes) => Buffer.from(bytes.map((byte) => (byte < 40 ? 10 : byte))))
    fc.assert(
      fc.property(fc.array(output, { maxLength: 8 }), (pieces) => {
        const whole = Buffer.concat(pieces).toString('latin1')
        const lines = whole === '' ? [] : whole.replace(/\n$/, '').split('\n')
        expect(stamped(...pieces.map((piece) => [2, piece] as const))).toBe(
          lines.map((line) => `AT 2 ${line}\n`).join(''),
        )
      }),
    )
  })

  it('are read back as they were written', () => {
    expect(parseLine(Buffer.from(`${stamp} 3 a b  c`), 9)).toEqual({ next: 9, at: stamp, step: 3, text: 'a b  c' })
    expect(parseLine(Buffer.from(`${stamp} - note`), 9)).toEqual({ next: 9, at: stamp, step: null, text: 'note' })
    expect(parseLine(Buffer.from(`${stamp} 1 `), 9).text).toBe('')
  })

  it('are shown with U+FFFD where they are no text, and whole where a crash cut off the stamp', () => {
    const bytes = Buffer.concat([Buffer.from(`${stamp} 1 `), Buffer.from([0xff, 0x61, 0x00, 0xc3])])

    expect(parseLine(bytes, 9).text).toBe('\ufffda\u0000\ufffd')
    expect(parseLine(Buffer.from('2026-01'), 9)).toEqual({ next: 9, at: '', step: null, text: '2026-01' })
  })
})
