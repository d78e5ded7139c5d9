import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

const main = join(import.meta.dirname, '../demo/main.ts')

describe('the demo', () => {
  it.each([['--bogus'], ['--keep', 'on'], ['--keep=yes'], ['-k']])(
    'plays nothing and says how it is used when told %s %s',
    (...args) => {
      const folder = mkdtempSync(join(tmpdir(), 'deployhook-demo-test-'))
      onTestFinished(() => {
        rmSync(folder, { recursive: true })
      })
      const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
        env: { ...process.env, TMPDIR: folder },
        encoding: 'utf8',
      })
      expect(stderr).toMatch(/\nUsage: npm run demo \[-- --keep\]\n$/)
      expect(stdout).toBe('')
      expect(status).toBe(2)
      expect(readdirSync(folder)).toEqual([])
    },
  )
})
