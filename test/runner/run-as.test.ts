import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import { command, createDeploying, script, type World } from './deploying.ts'
import { until } from './running.ts'

/** A user that every Debian has, without a home directory and without further groups. */
const nobody = { name: 'nobody', uid: 65534, gid: 65534 }

const why = 'only root can run steps as another user'

describe.skipIf(process.getuid?.() !== 0)(`a step of another user (${why})`, () => {
  it('runs with the user’s number and groups, and no other', async () => {
    expect(await outputOf('id -u; id -g; id -G; grep CapEff /proc/self/status')).toBe(
      '65534\n65534\n65534\nCapEff:\t0000000000000000\n',
    )
  })

  it('is told whose it is', async () => {
    expect(await outputOf('echo "$USER $LOGNAME $SHELL"')).toBe('nobody nobody /bin/sh\n')
  })

  it('has a home of its own where the user has none, which nobody else can enter', async () => {
    const world = openWorld()
    await deployed(world, 'cd; pwd; touch here; stat -c "%a %U" .')
    expect(world.output()).toBe(`${join(world.tree, '.home')}\n700 nobody\n`)
  })

  it('makes files that a web server can read, whatever the daemon’s umask', async () => {
    const own = process.umask(0o077)
    onTestFinished(() => void process.umask(own))
    expect(await outputOf('umask; touch made; stat -c "%a %U" made')).toBe('0022\n644 nobody\n')
  })

  it('can open its output again', async () => {
    expect(await outputOf('echo out > /dev/stdout; echo err > /dev/stderr')).toBe('out\nerr\n')
  })

  it('is run from a file that it can read, and no third user, nor exchange', async () => {
    expect(await outputOf('stat -c "%a %U" "$0"; stat -c "%a %U" "$(dirname "$0")"')).toBe('500 nobody\n711 root\n')
  })

  it('leaves nothing of what it was given behind', async () => {
    const world = openWorld()
    await deployed(world, 'true')
    expect(readdirSync(join(dirname(world.tree), 'handover'))).toEqual([])
  })

  it('is given secrets by its environment alone', async () => {
    const world = openWorld()
    const env = new Map([
      ['TOKEN', new Secret('hush-hush')],
      ['LD_LIBRARY_PATH', new Secret('/hush-hush/lib')],
    ])
    await world.deploy([script('echo "$TOKEN $LD_LIBRARY_PATH"; cat /proc/$$/cmdline /proc/$PPID/cmdline')], {
      runAs: 'nobody',
      env,
    })
    expect(world.output().split('\n')[0]).toBe('hush-hush /hush-hush/lib')
    expect(world.output().split('\n').slice(1).join('')).not.toContain('hush-hush')
  })

  it('cannot have root load what it made, by a variable of the loader', async () => {
    const world = openWorld()
    const library = join(world.tree, 'evil.so')
    writeFileSync(library, 'no library')
    const result = await world.deploy([command(['true'])], { runAs: 'nobody', env: new Map([['LD_PRELOAD', library]]) })
    expect(result.outcome).toBe('succeeded')
    // The loader of the step itself complains, once; that of setpriv, which is root, and of its shell do not.
    expect(world.output().match(/cannot be preloaded/g)).toHaveLength(1)
  })

  it.each([
    [3, 'exit 3'],
    [127, 'exit 127'],
    [126, 'exit 126'],
  ])('fails with the exit code %i that it ended with', async (code, text) => {
    expect((await deployed(openWorld(), text)).message).toMatch(`failed with exit code ${code}`)
  })

  it('is ended, and all that it started, although it ignores SIGTERM', async () => {
    const world = openWorld({ graceMs: 100 })
    const stop = new AbortController()
    const text = `trap '' TERM; setsid sh -c 'trap "" TERM; echo up; sleep 1000' & sleep 1000`
    const result = world.deploy([script(text)], { runAs: 'nobody' }, { signal: stop.signal })
    await until(() => world.output().includes('up'))
    stop.abort('cancelled')
    expect((await result).outcome).toBe('cancelled') // and the world looks for what is left
  })
})

describe.skipIf(process.getuid?.() !== 0)(`what another user cannot run (${why})`, () => {
  it.each([
    ['nothing-like-it', /could not be started: there is no command "nothing-like-it" in PATH/],
    ['./missing', /could not be started: .*missing is not there|could not be started: \.\/missing is not there/],
    ['./plain', /could not be started: .*\/plain is not executable: chmod \+x it/],
    ['./of-root', /could not be started: .*\/of-root may not be run by nobody/],
    [
      './lost',
      /could not be started: .*\/lost cannot be run: the interpreter of its first line, "\/no\/such", is not there/,
    ],
    ['./windows', /could not be started: .*\/windows has Windows line endings/],
    ['./foreign', /could not be started: .*\/foreign is not a program, nor a script/],
    ['.', /could not be started: \. is a directory, not a command/],
  ])('is told as plainly as of the daemon’s own: %s', async (name, told) => {
    const world = openWorld()
    file(world, 'plain', { text: '#!/bin/sh\n', mode: 0o644 })
    file(world, 'of-root', { text: '#!/bin/sh\n', mode: 0o700 })
    file(world, 'lost', { text: '#!/no/such\n', mode: 0o755 })
    file(world, 'windows', { text: '#!/bin/sh\r\n', mode: 0o755 })
    file(world, 'foreign', { text: 'MZ\0\0', mode: 0o755 })
    const result = await world.deploy([command([name])], { runAs: 'nobody' })
    expect(result).toMatchObject({
      outcome: 'failed',
      reason: 'step_failed',
      message: expect.stringMatching(told) as string,
    })
  })

  it('is a directory that it cannot enter', async () => {
    const world = openWorld()
    mkdirSync(join(world.tree, 'closed'), { mode: 0o700 })
    const result = await world.deploy([command(['true'], { cwd: 'closed' })], { runAs: 'nobody' })
    expect(result.message).toMatch(
      /the working directory .*closed may not be entered by nobody: see `namei -l .*closed`, each part needs x for nobody$/,
    )
  })

  it('is anything, when the user is not there any more', async () => {
    const result = await openWorld().deploy([script('true')], { runAs: 'no-such-user' })
    expect(result).toEqual({
      outcome: 'failed',
      reason: 'run_as_unusable',
      message:
        'run_as: there is no user no-such-user on this machine (any more): make it (useradd --system no-such-user), or name another',
    })
  })
})

describe.skipIf(process.getuid?.() !== 0)(`what is not another user’s to read (${why})`, () => {
  it('is the state directory, and all in it', async () => {
    const world = openWorld()
    mkdirSync(world.state, { mode: 0o700 })
    writeFileSync(join(world.state, 'state.db'), 'secret')
    const result = await deployed(world, `ls ${world.state} || cat ${world.state}/state.db || cat /etc/shadow`)
    expect(result.outcome).toBe('failed')
    expect(world.output().match(/Permission denied/g)).toHaveLength(3)
  })

  it('is the environment of the daemon', async () => {
    expect(await outputOf(`cat /proc/${process.pid}/environ || echo closed`)).toContain('closed')
  })
})

describe('run_as of the daemon’s own user', () => {
  it('changes nothing at all', async () => {
    const { name } = await import('node:os').then(({ userInfo }) => ({ name: userInfo().username }))
    const world = createDeploying()
    await world.deploy([script('stat -c %a "$0"')], { runAs: name })
    expect(world.output()).toBe('700\n')
  })
})

/** Its folder may be entered by all. */
function openWorld(options: Parameters<typeof createDeploying>[0] = {}): World {
  const world = createDeploying(options)
  chmodSync(dirname(world.tree), 0o755)
  chownSync(world.tree, nobody.uid, nobody.gid)
  return world
}

function deployed(world: World, text: string) {
  return world.deploy([script(text)], { runAs: nobody.name })
}

async function outputOf(text: string): Promise<string> {
  const world = openWorld()
  const result = await deployed(world, text)
  expect(result, world.output()).toMatchObject({ outcome: 'succeeded' })
  return world.output()
}

function file(world: World, name: string, { text, mode }: { readonly text: string; readonly mode: number }): void {
  const path = join(world.tree, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
}
