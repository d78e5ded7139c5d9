import { expect, it } from 'vitest'
import { formatSize, parseSize } from '../../src/lib/size.ts'

it.each([
  ['1KiB', 1024],
  ['500MiB', 524_288_000],
  ['1.5GiB', 1_610_612_736],
  ['2TiB', 2_199_023_255_552],
  ['0KiB', 0],
])('%s is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

it.each(['', '1', '1GB', '1 GiB', '-1GiB', '1e3GiB', 'GiB', '99999999TiB'])('%j is no size', (text) => {
  expect(parseSize(text)).toBeNull()
})

it.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1536, '1.5 KiB'],
  [2 ** 30, '1 GiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})
