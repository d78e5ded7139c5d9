import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ioOf, type CliIo } from '../../src/cli/io.ts'

/** A process at a terminal, or with one of the two streams that is none. */
function processAt({ stdin, stderr }: { readonly stdin: boolean; readonly stderr: boolean }): {
  readonly typed: PassThrough
  readonly shown: () => string
  readonly prompt: CliIo['prompt']
} {
  const typed = Object.assign(new PassThrough(), { isTTY: stdin })
  const screen = Object.assign(new PassThrough(), { isTTY: stderr })
  let shown = ''
  screen.on('data', (chunk: Buffer) => (shown += chunk.toString()))
  const host = { stdin: typed, stderr: screen, stdout: new PassThrough(), env: {}, cwd: () => '/', geteuid: () => 1000 }
  const { prompt } = ioOf(host as unknown as NodeJS.Process, {
    version: '1',
    serve: () => Promise.reject(new Error('not asked')),
  })
  return { typed, shown: () => shown, prompt }
}

describe('a question on the terminal', () => {
  it('is asked on stderr and answered by a line; Ctrl-D and the end of the input answer nothing', async () => {
    const { typed, shown, prompt } = processAt({ stdin: true, stderr: true })
    const first = prompt?.('Clone URL: ')
    typed.write('git@github.com:acme/blog.git\n')
    expect(await first).toBe('git@github.com:acme/blog.git')
    expect(shown()).toContain('Clone URL: ')
    const second = prompt?.('Branch: ')
    typed.end()
    expect(await second).toBe(null)
  })

  it('is not asked where nobody sits', () => {
    expect(processAt({ stdin: false, stderr: true }).prompt).toBe(null)
    expect(processAt({ stdin: true, stderr: false }).prompt).toBe(null)
  })
})
