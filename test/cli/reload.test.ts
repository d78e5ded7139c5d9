import { describe, expect, it } from 'vitest'
import { hostile, json, refuse, run, startDaemon } from './world.ts'

describe('reload', () => {
  it('says that it is done, and passes warnings on', async () => {
    const daemon = await startDaemon({
      'POST /api/reload': json({ result: 'reloaded', warnings: ['deploy.yml is group-writable'] }),
    })
    expect(await run(['reload', '--socket', daemon.socket])).toEqual({
      code: 0,
      out: 'reloaded\n',
      err: 'warning: deploy.yml is group-writable\n',
    })
  })

  it('exits 1 with every problem when the file is refused', async () => {
    const problems = [
      'deploy.yml:3:5 apps.blog.path: must be absolute\n  3 |     path: x\n    |           ^',
      `deploy.yml:9:1 ${hostile}`,
    ]
    const daemon = await startDaemon({
      'POST /api/reload': refuse(422, { code: 'config_refused', message: 'refused' }, { problems }),
    })
    const { code, out, err } = await run(['reload', '--socket', daemon.socket])
    expect(code).toBe(1)
    expect(out).toBe('')
    expect(err).toContain(problems[0])
    expect(err).toContain('the last good map stays in use')
    expect(err).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/)
  })

  it('exits 1 with the reason when it is refused for another one', async () => {
    const daemon = await startDaemon({
      'POST /api/reload': refuse(503, { code: 'draining', message: 'The daemon is shutting down.' }),
    })
    expect(await run(['reload', '--socket', daemon.socket])).toEqual({
      code: 1,
      out: '',
      err: 'deployhook: The daemon is shutting down.\n',
    })
  })
})
