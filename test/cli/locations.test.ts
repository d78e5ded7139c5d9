import { describe, expect, it } from 'vitest'
import { socketsToTry } from '../../src/cli/locations.ts'
import type { ServeOptions } from '../../src/cli/locations.ts'
import { run, type Running } from './world.ts'

/** What `serve` is asked for. */
async function asked(argv: readonly string[], running: Running = {}): Promise<ServeOptions> {
  const asked: ServeOptions[] = []
  const { code, err } = await run(['serve', ...argv], {
    ...running,
    serve: (given) => {
      asked.push(given)
      return Promise.resolve({ kind: 'stopped' })
    },
  })
  expect(err).toBe('')
  expect(code).toBe(0)
  const [options] = asked
  if (options === undefined) throw new Error('serve was not called')
  return options
}

const user = { env: { HOME: '/home/ada' }, cwd: '/work' }

describe('where serve keeps its things', () => {
  it('takes flags before variables, and makes paths absolute', async () => {
    const env = {
      HOME: '/home/ada',
      DEPLOYHOOK_CONFIG: '/a/deploy.yml',
      DEPLOYHOOK_STATE: '/a/state',
      DEPLOYHOOK_LISTEN: '127.0.0.1:1',
      DEPLOYHOOK_SOCKET: '/a/s',
    }
    expect(
      await asked(['--config', 'my.yml', '--state', 'st', '--listen', '127.0.0.1:0', '--socket', 'x.sock'], {
        env,
        cwd: '/work',
      }),
    ).toEqual({
      configFile: '/work/my.yml',
      stateDirectory: '/work/st',
      listen: '127.0.0.1:0',
      socket: '/work/x.sock',
    })
    expect(await asked([], { env, cwd: '/work' })).toEqual({
      configFile: '/a/deploy.yml',
      stateDirectory: '/a/state',
      listen: '127.0.0.1:1',
      socket: '/a/s',
    })
  })

  it('takes the directories that systemd gives', async () => {
    const env = { STATE_DIRECTORY: '/var/lib/deployhook:/var/lib/other', RUNTIME_DIRECTORY: '/run/deployhook' }
    expect(await asked(['--config', '/d.yml'], { env })).toMatchObject({
      stateDirectory: '/var/lib/deployhook',
      socket: '/run/deployhook/control.sock',
      listen: null,
    })
  })

  it.each([
    { who: 'root', running: { uid: 0, env: {} }, state: '/var/lib/deployhook' },
    { who: 'a user', running: user, state: '/home/ada/.local/state/deployhook' },
    {
      who: 'a user with XDG',
      running: { env: { HOME: '/home/ada', XDG_STATE_HOME: '/xdg' } },
      state: '/xdg/deployhook',
    },
    {
      who: 'a user with empty variables',
      running: { env: { HOME: '/home/ada', DEPLOYHOOK_STATE: '', STATE_DIRECTORY: '' } },
      state: '/home/ada/.local/state/deployhook',
    },
  ])('has a place for the state of $who', async ({ running, state }) => {
    expect(await asked(['--config', '/d.yml'], running)).toMatchObject({
      stateDirectory: state,
      socket: `${state}/control.sock`,
    })
  })

  it('says what to say when there is no home', async () => {
    const { code, err } = await run(['serve', '--config', '/d.yml'])
    expect(code).toBe(2)
    expect(err).toContain('say --state DIR, or set DEPLOYHOOK_STATE')
  })

  it('exits 78 with the reason when the daemon cannot start', async () => {
    const { code, out, err } = await run(['serve', '--config', '/d.yml'], {
      ...user,
      serve: () =>
        Promise.resolve({ kind: 'cannot_start', problem: 'another daemon, pid 7, has this state directory' }),
    })
    expect({ code, out, err }).toEqual({
      code: 78,
      out: '',
      err: 'deployhook: cannot start: another daemon, pid 7, has this state directory\n',
    })
  })
})

describe('where commands look for the daemon', () => {
  const around = { env: { HOME: '/home/ada' }, cwd: '/work', uid: 1000 }

  it('looks in /run/deployhook, then in the state directory', () => {
    expect(socketsToTry(undefined, around)).toEqual([
      '/run/deployhook/control.sock',
      '/home/ada/.local/state/deployhook/control.sock',
    ])
  })

  it('looks nowhere else when a socket is named', () => {
    expect(socketsToTry('c.sock', around)).toEqual(['/work/c.sock'])
    expect(socketsToTry(undefined, { ...around, env: { DEPLOYHOOK_SOCKET: '/s' } })).toEqual(['/s'])
  })

  it('takes the daemon of a named state directory before the one of the system', () => {
    expect(socketsToTry(undefined, { ...around, env: { DEPLOYHOOK_STATE: 'dev' } })).toEqual([
      '/work/dev/control.sock',
      '/run/deployhook/control.sock',
    ])
  })
})
