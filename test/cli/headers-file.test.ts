import { describe, expect, it } from 'vitest'
import { parseHeaders } from '../../src/cli/headers-file.ts'

describe('a file with headers', () => {
  it('holds one a line, as git hosts and curl show them', () => {
    const text =
      'POST /hooks/github HTTP/1.1\r\nX-GitHub-Event: push\r\nX-Empty:\r\n\r\nUser-Agent:  GitHub-Hookshot/1  \r\n'
    expect(parseHeaders(text)).toEqual({
      'X-GitHub-Event': 'push',
      'X-Empty': '',
      'User-Agent': 'GitHub-Hookshot/1',
    })
  })

  it('holds one twice as Node would join it', () => {
    expect(parseHeaders('A: 1\nA: 2')).toEqual({ A: '1, 2' })
  })

  it('may be a JSON object', () => {
    expect(parseHeaders(' {"X-GitHub-Event": "push"}\n')).toEqual({ 'X-GitHub-Event': 'push' })
  })

  it('may be empty', () => {
    expect(parseHeaders('\n')).toEqual({})
  })

  it.each([
    ['a line without a colon', 'A: 1\nnonsense', 'line 2 is no header, which is "Name: value"'],
    ['a name with a space', 'A B: 1', 'line 1 is no header, which is "Name: value"'],
    ['broken JSON', '{"a": ', 'it starts like a JSON object and is none'],
    ['a value that is no text', '{"a": 7}', 'the header "a" is not a text'],
  ])('is refused for %s', (_, text, why) => {
    expect(() => parseHeaders(text)).toThrow(`the file with the headers cannot be used: ${why}`)
  })
})
