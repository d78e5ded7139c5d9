import { describe, expect, it } from 'vitest'
import { secretsIn } from '../../src/config/index.ts'

const two = [{ file: '/etc/new' }, { env: 'OLD' }] as const

function edited(text: string, webhook = 'github'): string {
  const found = secretsIn(text, webhook)
  return 'problem' in found ? `problem: ${found.problem}` : found.replacedBy(two)
}

const named = 'secrets: [{ file: /etc/new }, { env: OLD }]'

describe('naming other secrets in deploy.yml', () => {
  it.each([
    [
      'one on its line',
      'webhooks:\n  github: # a\n    secret: { env: OLD } # b\n    provider: github\n',
      `webhooks:\n  github: # a\n    ${named} # b\n    provider: github\n`,
    ],
    [
      'one below its key',
      'webhooks:\n  github:\n    secret:\n      file: x # which\n\n  # next\n  gitlab: {secret: {env: X}}\n',
      `webhooks:\n  github:\n    # which\n    ${named}\n\n  # next\n  gitlab: {secret: {env: X}}\n`,
    ],
    [
      'a list of two',
      'webhooks:\n  github:\n    secrets: # two\n      - { file: a } # new\n      - file: b\n    provider: github\n',
      `webhooks:\n  github:\n    # two\n    # new\n    ${named}\n    provider: github\n`,
    ],
    [
      'JSON',
      '{"webhooks":{"github":{"secret":{"file":"x"}}},"apps":{}}',
      `{"webhooks":{"github":{${named}}},"apps":{}}`,
    ],
    [
      'lines that end with CR LF',
      'webhooks:\r\n  github:\r\n    secret: { env: OLD }\r\napps: {}\r\n',
      `webhooks:\r\n  github:\r\n    ${named}\r\napps: {}\r\n`,
    ],
    [
      'another webhook with the same secret',
      'webhooks:\n  a: { secret: { env: OLD } }\n  github: { secret: { env: OLD } }\n',
      `webhooks:\n  a: { secret: { env: OLD } }\n  github: { ${named} }\n`,
    ],
  ])('leaves all else as it is: %s', (_, text, expected) => {
    expect(edited(text)).toBe(expected)
  })

  it('writes names that YAML would read as something else as JSON does', () => {
    const found = secretsIn('webhooks: { github: { secret: { env: A } } }', 'github')
    const texts = ['a b', 'x, y', 'true', '~/x', '{', 'é', '#'].map((file) =>
      'problem' in found ? '' : found.replacedBy([{ file }]),
    )
    for (const text of texts) expect(text).toContain('secret: { file: "')
    expect(texts[0]).toBe('webhooks: { github: { secret: { file: "a b" } } }')
  })

  it.each([
    ['webhooks: { gitlab: { secret: { env: A } } }', 'is not written out'],
    ['x: &x { secret: { env: A } }\nwebhooks: { github: *x }', 'is not written out'],
    ['x: &x { env: A }\nwebhooks: { github: { secret: *x } }', 'anchor, an alias or a tag'],
    ['webhooks: { github: { secret: &x { env: A } } }', 'anchor, an alias or a tag'],
    ['webhooks: { github: { provider: github } }', 'is not written there'],
    ['webhooks: { github: { secret: plain } }', 'names no secret'],
    ['webhooks: { github: { provider: github, secrets: [ {env: A}, # one\n {env: B} ] } }', 'comments stand between'],
    ['webhooks: [', 'no YAML'],
  ])('leaves to a person: %s', (text, problem) => {
    expect(edited(text)).toContain(problem)
  })
})
