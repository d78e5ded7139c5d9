import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { providers } from '../../src/providers/index.ts'
import { createDelivery, verify } from './fixtures.ts'

const run = promisify(execFile)
const secret = `whsec_${Buffer.from('a key of thirty-two bytes, or so').toString('base64')}`
const hasTools = await run('sh', ['-c', 'command -v curl && command -v openssl && command -v od']).then(
  () => true,
  () => false,
)

/** The function that the README gives to people. */
function shellFunction(): string {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const [text] = /^deployhook_push\(\) \{\n.*?^\}$/ms.exec(readme) ?? []
  return text ?? expect.fail('README.md has no deployhook_push()')
}

describe.skipIf(!hasTools)('the shell function of the README (needs curl, openssl and od)', () => {
  it.each(['{"app": "blog"}', '{"app":"blog","message":"größer $HOME \\"quoted\\""}'])(
    'sends what the provider standard believes: %s',
    async (body) => {
      const server = createServer((request, response) => {
        const chunks: Buffer[] = []
        request.on('data', (chunk: Buffer) => chunks.push(chunk))
        request.on('end', () => {
          const delivery = createDelivery({
            headers: request.headers,
            body: Buffer.concat(chunks),
            receivedAt: new Date(),
          })
          const verified = verify(providers.standard, delivery, [secret])
          const answer = 'refused' in verified ? verified : providers.standard.parse(verified)
          response.writeHead('refused' in verified ? 401 : 202).end(JSON.stringify(answer))
        })
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void server.close())
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/standard`

      const script = `${shellFunction()}\ndeployhook_push "$1" "$2" "$3"`
      const { stdout } = await run('sh', ['-euc', script, 'sh', url, secret, body])
      expect(JSON.parse(stdout)).toMatchObject({ kind: 'pushes', pushes: [{ app: 'blog', ref: null }] })
      await expect(run('sh', ['-euc', script, 'sh', url, `whsec_${'A'.repeat(44)}`, body])).rejects.toThrow()
    },
  )
})
