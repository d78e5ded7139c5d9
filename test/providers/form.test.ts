import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formField } from '../../src/providers/form.ts'

const field = (body: string): string => {
  const read = formField(Buffer.from(body), 'payload')
  return 'problem' in read ? read.problem : read.value.toString()
}
const once = 'payload: must be a field of the form, once'
const broken = 'payload: is not percent-encoded'

describe('a field of a form', () => {
  it.each([
    ['payload=', ''],
    ['payload=a+b%2Bc', 'a b+c'],
    ['payload=%7B%22a%22%3A1%7d', '{"a":1}'],
    ['payload=%C3%A9é', 'éé'],
    ['payload=a=b', 'a=b'],
    ['payload=payload=', 'payload='],
    ['xpayload=1&payload=2', '2'],
    ['x=1&payload=2&y', '2'],
    ['&&payload=2&', '2'],
  ])('of %j is %j', (body, value) => {
    expect(field(body)).toBe(value)
  })

  it.each([
    '',
    'payload',
    'Payload=1',
    '%70ayload=1',
    'xpayload=1',
    'payloadx=1',
    ' payload=1',
    '{"payload":1}',
    'payload=1&payload=2',
    'payload=1&payload=',
  ])('is not in %j', (body) => {
    expect(field(body)).toBe(once)
  })

  it.each(['%', '%2', '%2g', '%g2', '%%20', '% 20', '%é0', '%-1'])('cannot be read from %j', (text) => {
    expect(field(`payload=${text}`)).toBe(broken)
    expect(field(`payload=x${text}&y=1`)).toBe(broken)
  })

  it('is what the URL standard reads, for all that it writes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(field(new URLSearchParams({ x: text, payload: text, y: text }).toString())).toBe(text.toWellFormed())
      }),
    )
  })
})
