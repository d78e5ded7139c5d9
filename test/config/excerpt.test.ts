import { expect, it } from 'vitest'
import { excerptOf } from '../../src/config/excerpt.ts'

const secret = '5f0c1e7b9ad24c3e'

it.each([
  `secrets: [x, ${secret}]`,
  `secrets: [{ file: /a }, "${secret}"]`,
  `secret: { file: /nowhere, value: ${secret} }`,
  `token: { value: "${secret}" }`,
  `secret: *${secret}`,
  `secret: { env: ${secret} }`,
  `DATABASE: { env: '${secret}' }`,
  `repo: https://git.example/acme/blog.git?token=${secret}`,
  `repo: https://${secret}@git.example/acme/blog.git`,
])('shows no secret that was written into deploy.yml: %s', (line) => {
  expect(excerptOf(line, 1, { isSecret: false }).text).not.toContain(secret)
  expect(excerptOf(line, 1, { isSecret: false }).text).toHaveLength(line.length)
})

it.each([
  'secrets: [{ env: HOOK_SECRET }, { file: /etc/old }]',
  'api_tokens: [{ name: ci, can: operat }]',
  'env: { NODE_ENV: test }',
])('shows what is no secret: %s', (line) => {
  expect(excerptOf(line, 1, { isSecret: false }).text).toBe(line)
})
