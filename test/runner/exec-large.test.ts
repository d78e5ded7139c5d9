import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './running.ts'

/** Runs `command` in a Node of its own and answers how many bytes came, and by how much its memory grew at most. */
function measured(command: string): { readonly bytes: number; readonly grownMiB: number } {
  const exec = join(import.meta.dirname, '../../src/runner/exec.ts')
  const code = `
    import { createRunCommand } from ${JSON.stringify(exec)}
    const run = createRunCommand({ directory: ${JSON.stringify(temporaryFolder())} })
    const env = { PATH: process.env.PATH, DEPLOYHOOK_COOKIE: 'large.' + process.pid }
    let bytes = 0
    const options = { signal: new AbortController().signal, timeoutMs: null, graceMs: 1000, onOutput: async (chunk) => { bytes += chunk.length } }
    await run({ argv: ['true'], cwd: '/', env }, options)
    const before = process.memoryUsage.rss()
    await run({ argv: ['sh', '-c', ${JSON.stringify(command)}], cwd: '/', env }, options)
    const grownMiB = (process.resourceUsage().maxRSS * 1024 - before) / 2 ** 20
    console.log(JSON.stringify({ bytes, grownMiB }))`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code]).toString()
  const { bytes, grownMiB } = JSON.parse(output) as { bytes: number; grownMiB: number }
  return { bytes, grownMiB }
}

describe('a command with a lot of output', () => {
  it.each([
    [
      '300 MB of lines',
      "yes 'a line of eighty characters, as builds like to write them, time and again, you see' | head -c 300000000",
    ],
    ['300 MB in one line', 'head -c 300000000 /dev/zero'],
  ])('hands over %s without growing the daemon', (_, command) => {
    const { bytes, grownMiB } = measured(command)
    expect(bytes).toBe(300_000_000)
    // A new buffer for each chunk would be over 40: V8 lets that much go stale before it collects it.
    expect(grownMiB).toBeLessThan(20)
  })
})
