import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { root } from '../packaging/built.ts'

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0
const dropIns = globSync('systemd/drop-ins/*.conf', { cwd: root }).sort()

describe.skipIf(!hasAnalyze)('the units (where systemd-analyze is)', () => {
  it('are exposed no more than 2.0', () => {
    const unit = join(root, 'systemd/deployhook.service')
    const told = analyze('security', '--offline=yes', '--no-pager', '--threshold=20', unit)
    expect(told.output).toMatch(/Overall exposure level for deployhook\.service: [01]\.\d/)
    expect(told.status).toBe(0)
  })

  it.each(['none', ...dropIns])('have nothing that systemd objects to, with the drop-in %s', (dropIn) => {
    const directory = mkdtempSync(join(tmpdir(), 'deployhook-units-'))
    onTestFinished(() => {
      rmSync(directory, { recursive: true })
    })
    for (const unit of ['deployhook.service', 'deployhook.socket'])
      cpSync(join(root, 'systemd', unit), join(directory, unit))
    mkdirSync(join(directory, 'deployhook.service.d'))
    if (dropIn !== 'none') cpSync(join(root, dropIn), join(directory, 'deployhook.service.d', basename(dropIn)))
    const units = ['deployhook.service', 'deployhook.socket'].map((unit) => join(directory, unit))
    expect(analyze('verify', '--man=no', ...units)).toEqual({ output: '', status: 0 })
  })

  it('are told of in the drop-ins by their own names', () => {
    for (const dropIn of dropIns)
      expect(readFileSync(join(root, dropIn), 'utf8')).toContain(`deployhook.service.d/${basename(dropIn)}`)
  })
})

function analyze(...args: readonly string[]): { readonly output: string; readonly status: number | null } {
  const { stdout, stderr, status } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
  return { output: stdout + stderr, status }
}
