import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMask, formsOf, maskText } from '../../src/lib/masker.ts'
import { Secret } from '../../src/lib/secret.ts'

const password = 'pa55 w/ord"ü'

describe('a masked text', () => {
  it.each([
    ['as it is', `login ${password} ok`, 'login [secret] ok'],
    ['twice in a row', password + password, '[secret][secret]'],
    ['percent-encoded', `?p=${encodeURIComponent(password)}&`, '?p=[secret]&'],
    ['form-encoded', 'p=pa55+w%2Ford%22%C3%BC', 'p=[secret]'],
    ['JSON-escaped', JSON.stringify({ password }), '{"password":"[secret]"}'],
    ['in base64', `<${Buffer.from(password).toString('base64')}>`, '<[secret]>'],
    ['in base64 for URLs', `<${Buffer.from(password).toString('base64url')}>`, '<[secret]>'],
  ])('hides a secret %s', (_, text, masked) => {
    expect(maskText([new Secret(password)], text)).toBe(masked)
  })

  it.each(['x:', 'me:', 'git:', 'user:'])('hides a secret in the base64 of an Authorization header for %s', (user) => {
    const masked = maskText([new Secret('correct-horse')], Buffer.from(`${user}correct-horse!!`).toString('base64'))

    expect(masked).toContain('[secret]')
    expect(Buffer.from(masked.replace('[secret]', ''), 'base64').toString('latin1')).not.toMatch(/orrect|horse/)
  })

  it('hides every line of a secret of several lines, wherever it stands', () => {
    const key = new Secret('-----BEGIN KEY-----\nabcdef0123\r\nshort\nlast-line\n')

    expect(maskText([key], 'got abcdef0123')).toBe('got [secret]')
    expect(maskText([key], 'last-line, abcdef0123, short')).toBe('[secret], [secret], short')
  })

  it('hides overlapping secrets as one', () => {
    expect(maskText([new Secret('abcdef'), new Secret('defghi'), new Secret('cdef')], '-abcdefghi-')).toBe('-[secret]-')
  })

  it.each(['', 'a', 'abc'])('leaves a secret as short as "%s" alone, or every log would be unreadable', (short) => {
    expect(maskText([new Secret(short)], 'abc abc')).toBe('abc abc')
  })

  it('hides a secret of four bytes, and needs no secret at all', () => {
    expect(maskText([new Secret('abcd')], 'abcd abc')).toBe('[secret] abc')
    expect(maskText([], 'nothing to hide: é')).toBe('nothing to hide: é')
  })
})

describe('a masked stream', () => {
  it('hides a secret written byte by byte', () => {
    const stream = createMask([new Secret(password)]).stream()
    const out = [...Buffer.from(`a${password}b`)].map((byte) => Buffer.from(stream.push(Buffer.from([byte]))))

    expect(Buffer.concat([...out, stream.end()]).toString()).toBe('a[secret]b')
  })

  it('holds back what may become a secret and lets it go when it does not', () => {
    const stream = createMask([new Secret('abcdefgh')]).stream()

    expect(stream.push(Buffer.from('xabcdefg')).toString()).toBe('x')
    expect(stream.push(Buffer.from('!')).toString()).toBe('abcdefg!')
    expect(stream.push(Buffer.from('ab')).toString()).toBe('')
    expect(stream.end().toString()).toBe('ab')
  })

  it('stays small while a secret goes on and on', () => {
    const stream = createMask([new Secret('aaaa')]).stream()
    const out = Array.from({ length: 1000 }, () => Buffer.from(stream.push(Buffer.alloc(1000, 'a'))))

    expect(Buffer.concat([...out, stream.end()]).toString()).toBe('[secret]')
  })

  it('takes no new memory for each chunk of a text that may be a secret at its end', () => {
    const stream = createMask([new Secret(`${'x'.repeat(40)}y`)]).stream()
    const chunk = Buffer.alloc(65_536, 'x')
    stream.push(chunk)
    const places = Array.from({ length: 10 }, () => stream.push(chunk).buffer)

    expect(new Set(places).size).toBe(1)
  })

  it('keeps every other byte as it came', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0, 0xc3, 0x28, 13, 10])
    const stream = createMask([new Secret('secret')]).stream()

    expect(Buffer.concat([stream.push(bytes), stream.end()])).toEqual(bytes)
  })

  it('agrees with a simple search of the whole, however the output is cut up', () => {
    const letters = fc.constantFrom('a', 'b', '\n')
    const secrets = fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 14 }), { maxLength: 5 })
    const chunks = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\n'), maxLength: 20 }), { maxLength: 12 })
    fc.assert(
      fc.property(secrets, chunks, (values, parts) => {
        const stream = createMask(values.map((value) => new Secret(value))).stream()
        const masked = Buffer.concat([
          ...parts.map((part) => Buffer.from(stream.push(Buffer.from(part)))),
          stream.end(),
        ]).toString()
        expect(masked).toBe(maskedBySearch(values, parts.join('')))
      }),
      { numRuns: 3000 },
    )
  })

  it('agrees with it for printed secrets in all their disguises too', () => {
    const secret = fc.string({ unit: 'binary', minLength: 4, maxLength: 12 })
    const disguised = secret.chain((value) => fc.tuple(fc.constant(value), fc.constantFrom(value, ...formsOf(value))))
    fc.assert(
      fc.property(fc.array(disguised, { maxLength: 3 }), fc.array(fc.string()), fc.nat(9), (prints, noise, size) => {
        const values = prints.map(([value]) => value)
        const text = prints.map(([, form], at) => `${noise[at] ?? ''}${form}`).join('')
        expect(inChunks(values, text, size + 1)).toBe(maskedBySearch(values, text))
      }),
      { numRuns: 1000 },
    )
  })
})

/** The oracle: marks every byte of every find, by the plainest search there is. */
function maskedBySearch(secrets: readonly string[], text: string): string {
  const forms = secrets.flatMap((secret) => formsOf(secret)).map((form) => Buffer.from(form))
  const bytes = Buffer.from(text)
  const finds = [...bytes.keys()].flatMap((start) =>
    forms
      .filter((form) => bytes.subarray(start, start + form.length).equals(form))
      .map(({ length }) => [start, start + length] as const),
  )
  const out: Buffer[] = []
  let from = 0
  for (const [start, end] of finds.sort(([a], [b]) => a - b)) {
    if (start >= from) out.push(bytes.subarray(from, start), Buffer.from('[secret]'))
    from = Math.max(from, end)
  }
  return Buffer.concat([...out, bytes.subarray(from)]).toString()
}

function inChunks(secrets: readonly string[], text: string, size: number): string {
  const stream = createMask(secrets.map((value) => new Secret(value))).stream()
  const bytes = Buffer.from(text)
  const out: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) out.push(Buffer.from(stream.push(bytes.subarray(at, at + size))))
  return Buffer.concat([...out, stream.end()]).toString()
}

it('masks a secret as forms encode it, which is more than percent-encoding does', () => {
  const text = "(a+)[b]'~ *!"
  const form = String(new URLSearchParams({ secret: text }))
  expect(maskText([new Secret(text)], form)).toBe('secret=[secret]')
})
