import { describe, expect, it } from 'vitest'
import { soakDisk } from './disk.ts'
import { diskKinds, hindrance } from './small-disk.ts'

const kind = diskKinds.find((one) => hindrance(one) === null)
const why = kind === undefined ? hindrance('tmpfs') : null

describe.skipIf(kind === undefined)(`a disk that is full and freed${why === null ? '' : ` (not here: ${why})`}`, () => {
  it('3 times under the daemon costs nothing that was acknowledged, and nobody has to do anything', async () => {
    const report = await soakDisk(kind ?? 'tmpfs', 3)
    expect(report.problems).toEqual([])
    expect(report.cycles).toBe(3)
    expect(report.acknowledged).toBeGreaterThan(6)
  }, 300_000)

  it('is seen to cost something when it is never freed', async () => {
    const { problems } = await soakDisk(kind ?? 'tmpfs', 1, { control: 'unfreed', patienceMs: 4_000 })
    expect(problems.join('\n')).toContain('not live 4000 ms after there was room')
  }, 300_000)
})
