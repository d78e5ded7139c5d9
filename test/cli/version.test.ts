import { describe, expect, it } from 'vitest'
import { run } from './world.ts'

const versionNumber = /^\d+\.\d+\.\d+/

describe('version', () => {
  it('tells what it is and what it runs on, for programs', async () => {
    const { code, out, err } = await run(['version', '--json'], { env: { PATH: process.env['PATH'] } })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(JSON.parse(out)).toMatchObject({
      version: '1.2.3',
      node: process.versions.node,
      sqlite: expect.stringMatching(versionNumber) as string,
      git: expect.stringMatching(versionNumber) as string,
      platform: process.platform,
      arch: process.arch,
      executable: process.execPath,
    })
  })

  it('tells the version of SQLite that the store really uses', async () => {
    const { DatabaseSync } = await import('node:sqlite')
    using database = new DatabaseSync(':memory:')
    const { version } = database.prepare('select sqlite_version() as version').get() as { version: string }
    expect(JSON.parse((await run(['version', '--json'])).out)).toMatchObject({ sqlite: version })
  })

  it('tells it to people, too', async () => {
    const { out } = await run(['version'], { env: { PATH: process.env['PATH'] } })
    expect(out).toMatch(
      /^deployhook {2}1\.2\.3\nNode {8}\d+\.\d+\.\d+ \(\/.+\)\nSQLite {6}\d.+\ngit {9}\d.+\nsystem {6}linux .+\n$/,
    )
  })

  it('does without git', async () => {
    expect(JSON.parse((await run(['version', '--json'], { env: { PATH: '/nonexistent' } })).out)).toMatchObject({
      git: null,
    })
    expect((await run(['version'], { env: { PATH: '/nonexistent' } })).out).toContain('none in PATH')
  })
})
