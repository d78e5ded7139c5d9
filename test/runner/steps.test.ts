import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import { formatProblem } from '../../src/runner/program-format.ts'
import { command, createDeploying, earlier, script } from './deploying.ts'
import { temporaryFolder } from './running.ts'

describe('a script step', () => {
  it('ends at the first command that fails', async () => {
    const world = createDeploying()
    const result = await world.deploy([script('echo one\nfalse\necho two', { name: 'build' }), script('echo three')])
    expect(result).toEqual({
      outcome: 'failed',
      reason: 'step_failed',
      message: 'step 1/2 (build) failed with exit code 1',
    })
    expect(world.output()).toBe('one\n')
    expect(world.told).toContain('step 1 finished: 1')
    expect(world.told).not.toContain('record built')
  })

  it('fails on a variable that is not set', async () => {
    const world = createDeploying()
    const result = await world.deploy([script('rm -rf "$TYPO/build"; echo survived')])
    expect(result).toMatchObject({ outcome: 'failed', reason: 'step_failed' })
    expect(world.output()).not.toContain('survived')
  })

  it('fails in bash when any part of a pipeline does', async () => {
    const world = createDeploying()
    const result = await world.deploy([script('false | cat; echo no', { shell: 'bash', name: 'pipe' })])
    expect(result.message).toBe('step 1/1 (pipe) failed with exit code 1')
    expect(world.output()).toBe('')
  })

  it('is run from a file that only the daemon’s user can read, and that is gone afterwards', async () => {
    const world = createDeploying()
    await world.deploy([script('stat -c %a "$0"; stat -c %a "$(dirname "$0")"')])
    expect(world.output()).toBe('700\n700\n')
    expect(readdirSync(join(world.state, 'work', 'steps'))).toEqual([])
  })

  it('is gone afterwards also when it failed, or was ended', async () => {
    const world = createDeploying()
    await world.deploy([script('exit 3')])
    await world.deploy([script('sleep 1000', { timeoutMs: 100 })])
    expect(readdirSync(join(world.state, 'work', 'steps'))).toEqual([])
  })

  it('shows neither its text nor a secret to anyone who lists processes', async () => {
    let listed = ''
    const world = createDeploying({
      onOutput: () => {
        listed = execFileSync('ps', ['axww', '-o', 'args']).toString()
        writeFileSync(join(world.tree, 'listed'), '')
      },
    })
    const env = new Map([['TOKEN', new Secret('hush-hush-hush')]])
    const text = 'M=mysterious-text; echo "$TOKEN" | wc -c; until [ -e listed ]; do sleep 0.02; done'
    await world.deploy([script(text, { env })])
    expect(listed).toContain(join(world.state, 'work', 'steps', '12-1-1.sh'))
    expect(listed).not.toContain('mysterious-text')
    expect(listed).not.toContain('hush-hush-hush')
    expect(world.output()).toBe('15\n')
  })

  it('makes files as the daemon’s umask says', async () => {
    const world = createDeploying()
    await world.deploy([script('touch file; umask')])
    expect(world.output()).toBe(execFileSync('sh', ['-c', 'umask']).toString())
    const umask = Number.parseInt(world.output(), 8)
    expect(statSync(join(world.tree, 'file')).mode & 0o777).toBe(0o666 & ~umask)
  })
})

describe('a list step', () => {
  it('runs without a shell: nothing in it is special', async () => {
    const world = createDeploying()
    await world.deploy([command(['printf', '%s\n', '$(touch PWN)', '`touch PWN`', '; touch PWN', '*'])])
    expect(world.output()).toBe('$(touch PWN)\n`touch PWN`\n; touch PWN\n*\n')
    expect(readdirSync(world.tree)).toEqual([])
  })

  it('is looked up in the PATH of the step', async () => {
    const world = createDeploying()
    mkdirSync(join(world.tree, 'bin'))
    writeFileSync(join(world.tree, 'bin', 'deploy-it'), '#!/bin/sh\necho mine', { mode: 0o755 })
    const result = await world.deploy([command(['deploy-it'], { env: new Map([['PATH', join(world.tree, 'bin')]]) })])
    expect(result).toMatchObject({ outcome: 'succeeded' })
    expect(world.output()).toBe('mine\n')
  })
})

describe('the working directory of a step', () => {
  it('is the tree, or a directory in it', async () => {
    const world = createDeploying()
    mkdirSync(join(world.tree, 'web', 'app'), { recursive: true })
    await world.deploy([script('pwd'), script('pwd', { cwd: 'web/app' })])
    expect(world.output()).toBe(`${world.tree}\n${join(world.tree, 'web', 'app')}\n`)
  })

  it('may be reached by a symlink that stays in the tree', async () => {
    const world = createDeploying()
    mkdirSync(join(world.tree, 'packages'))
    symlinkSync('packages', join(world.tree, 'web'))
    expect(await world.deploy([script('pwd', { cwd: 'web' })])).toMatchObject({ outcome: 'succeeded' })
    expect(world.output()).toBe(`${join(world.tree, 'packages')}\n`)
  })

  it.each([
    ['is missing', 'missing', /its cwd, missing, is not in the tree/],
    ['is a file', 'file', /its cwd, file, is not a directory/],
    ['is a symlink out of the tree', 'out', /its cwd, out, leads out of the tree to \/etc$/],
    [
      'goes through a symlink out of the tree',
      'out/ssh',
      /its cwd, out\/ssh, (?:leads out of the tree|is not in the tree)/,
    ],
    ['climbs out of the tree', '..', /its cwd, \.\., leads out of the tree to /],
    ['climbs to a neighbour with a longer name', '../tree-2', /its cwd, \.\.\/tree-2, leads out of the tree to /],
  ])('fails the step when it %s', async (_, cwd, why) => {
    const world = createDeploying()
    writeFileSync(join(world.tree, 'file'), '')
    symlinkSync('/etc', join(world.tree, 'out'))
    mkdirSync(`${world.tree}-2`)
    const result = await world.deploy([script('echo ran', { name: 'build', cwd })])
    expect(result).toMatchObject({ outcome: 'failed', reason: 'step_failed' })
    expect(result.message).toMatch(/^step 1\/1 \(build\) could not be started: /)
    expect(result.message).toMatch(why)
    expect(world.output()).toBe('')
    expect(world.told).toContain('step 1 finished: neither')
  })

  it('fails the next step when a step deleted the tree', async () => {
    const world = createDeploying()
    const result = await world.deploy([
      script('cd /; rm -r "$DEPLOYHOOK_RELEASE_PATH"'),
      script('echo ran', { name: 'next' }),
    ])
    expect(result.message).toBe(`step 2/2 (next) could not be started: the tree ${world.tree} is not there`)
  })

  it('may be deleted by the step itself', async () => {
    const world = createDeploying()
    mkdirSync(join(world.tree, 'build'))
    expect(await world.deploy([script('rm -r "$PWD"; echo gone', { cwd: 'build' })])).toMatchObject({
      outcome: 'succeeded',
    })
    expect(world.output()).toBe('gone\n')
  })

  it('is not the tree’s own: a deployment whose last step removed that is not live', async () => {
    const world = createDeploying()
    expect(await world.deploy([script('rm -r "$PWD"')])).toEqual({
      outcome: 'failed',
      reason: 'tree_missing',
      message: `${world.tree} is not there any more: a step removed it`,
    })
  })
})

describe('the message of a step that failed', () => {
  it.each([
    ['not executable', script('touch x; ./x', { name: 's' }), /failed with exit code 126: .*chmod \+x/],
    [
      'not found',
      script('nodee build', { name: 's' }),
      /failed with exit code 127: .*not found in PATH \(\/usr\/local\/sbin/,
    ],
    [
      'killed inside a shell',
      script("sh -c 'kill -9 $$'; exit $?", { name: 's' }),
      /exit code 137 \(SIGKILL\): .*out of memory/,
    ],
    ['killed itself', script('kill -9 $$', { name: 's' }), /was ended by SIGKILL: .*out of memory/],
    ['crashed inside a shell', script('exit 139', { name: 's' }), /failed with exit code 139 \(SIGSEGV\)$/],
    [
      'with Windows line endings',
      script('echo a\r\nfalse\r\n', { name: 's' }),
      /: the script has Windows line endings \(CRLF\)/,
    ],
    [
      'an unknown command',
      command(['nodee'], { name: 's' }),
      /could not be started: there is no command "nodee" in PATH/,
    ],
    ['a NUL byte', command(['echo', 'a\0b'], { name: 's' }), /could not be started: .*NUL byte/],
    [
      'too long',
      command(['echo', 'x'.repeat(3_000_000)], { name: 's' }),
      /could not be started: .*longer than the system allows/,
    ],
    ['a plain failure', script('exit 2', { name: 's' }), /^step 1\/1 \(s\) failed with exit code 2$/],
  ])('tells what to look at: %s', async (_, step, message) => {
    const result = await createDeploying().deploy([step])
    expect(result).toMatchObject({ outcome: 'failed', reason: 'step_failed' })
    expect(result.message).toMatch(message)
  })

  const arm = Buffer.from('7f454c4602010100000000000000000002002800010000006161616161610a', 'hex')
  const ours = readFileSync(process.execPath).subarray(0, 4096)
  const notNamed =
    /\/tree\/build has no first line that names what runs it \(such as #!\/usr\/bin\/env python3\), so a shell ran it$/

  it.each([
    ['a script without a first line', 'import os\nprint(1)\n', command(['./build']), notNamed],
    ['a script without a first line, from a shell', 'import os\n', script('./build --all'), notNamed],
    ['a script without a first line, in PATH', 'import os\n', command(['build']), notNamed],
    [
      'a program for another machine',
      arm,
      command(['./build']),
      /\/tree\/build is a program for another kind of processor than this machine has$/,
    ],
    [
      'a program for another machine, from a shell',
      arm,
      script('./build'),
      /\/tree\/build is a program for another kind of processor than this machine has$/,
    ],
    [
      'a file that is no program at all',
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 10, 10]),
      command(['./build']),
      /\/tree\/build is not a program, nor a script$/,
    ],
  ])('says what it is that could not be run: %s', async (_, content, step, message) => {
    const world = createDeploying()
    writeFileSync(join(world.tree, 'build'), content, { mode: 0o755 })
    const env = new Map([['PATH', `${world.tree}:/usr/bin:/bin`]])
    const result = await world.deploy([{ ...step, env }])
    expect(result.message).toMatch(/failed with exit code (?:2|126|127): /)
    expect(result.message).toMatch(message)
  })

  it.each([
    ['a script with a first line', '#!/bin/sh\nexit 127', command(['./build']), /127: a command was not found in PATH/],
    ['one of several commands in a line', 'exit 2', script('./build; true'), /exit code 2$/],
    ['one of several commands', 'exit 127', script('true\n./build'), /127: a command was not found in PATH/],
    ['an operand', 'exit 127', script('./other ./build'), /127: a command was not found in PATH/],
  ])('blames no file for %s', async (_, content, step, message) => {
    const world = createDeploying()
    writeFileSync(join(world.tree, 'build'), content, { mode: 0o755 })
    const result = await world.deploy([step])
    expect(result.message).toMatch(message)
  })

  it('blames no program of this machine that ends with 127 of its own accord', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'build'), ours, { mode: 0o755 })
    expect(formatProblem(join(folder, 'build'))).toBeNull()
  })

  it('holds nothing of what the step wrote', async () => {
    const result = await createDeploying().deploy([script('echo LEAK; echo LEAK >&2; exit 1', { name: 'build' })])
    expect(result.message).not.toContain('LEAK')
  })

  it('stays short, however long the step is', async () => {
    const result = await createDeploying().deploy([script(`${': x;'.repeat(2_000)}exit 1`)])
    expect(result.message?.length).toBeLessThan(200)
  })
})

describe('what a step leaves running', () => {
  it('is ended, and the log says so', async () => {
    const world = createDeploying()
    const result = await world.deploy([script('setsid sleep 1000 & sleep 1000 &', { name: 'serve' })])
    expect(result).toMatchObject({ outcome: 'succeeded' })
    expect(world.told).toContainEqual(
      expect.stringMatching(/^# step 1\/1 \(serve\) left 2 processes running, ended now/),
    )
  })
})

describe('a branch with an unusual name', () => {
  it.each(['x;touch${IFS}PWN;#', '`touch PWN`', '$(touch PWN)', "a'b", 'a"b', 'a&&b', 'a|b', 'a>b', '%s%n'])(
    'reaches steps only as a value: %s',
    async (branch) => {
      const world = createDeploying()
      const show = 'printf "%s\\n" "$DEPLOYHOOK_REF"; echo $DEPLOYHOOK_REF > /dev/null'
      const steps = [script(show), script(show, { shell: 'bash' }), command(['printenv', 'DEPLOYHOOK_REF'])]
      expect(await world.deploy(steps, { branch })).toMatchObject({ outcome: 'succeeded' })
      expect(world.output()).toBe(`refs/heads/${branch}\n`.repeat(3))
      expect(readdirSync(world.tree)).toEqual([])
      expect(existsSync('PWN')).toBe(false)
    },
  )
})

describe('the environment of a step', () => {
  it('holds the allow-list and nothing else, least of all the daemon’s own', async () => {
    process.env['DAEMON_ONLY'] = 'secret of the daemon'
    const world = createDeploying()
    await world.deploy([command(['cat', '/proc/self/environ'])], {}, { previousRevision: earlier })
    delete process.env['DAEMON_ONLY']
    const entries = world.output().split('\0').filter(Boolean)
    expect(entries.sort()).toEqual([
      'CI=true',
      'DEPLOYHOOK_APP=blog',
      `DEPLOYHOOK_COOKIE=${world.stateId}.12.1`,
      'DEPLOYHOOK_DEPLOYMENT=12',
      `DEPLOYHOOK_PREVIOUS_REVISION=${earlier}`,
      'DEPLOYHOOK_REF=refs/heads/main',
      `DEPLOYHOOK_RELEASE_PATH=${world.tree}`,
      'DEPLOYHOOK_REVISION=1a2b3c4d5e6f0000000000000000000000000000',
      `HOME=${join(world.state, 'homes', 'blog')}`,
      'LANG=C.UTF-8',
      'LOGNAME=deploy',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'SHELL=/bin/sh',
      'TMPDIR=/tmp',
      'USER=deploy',
    ])
  })

  it('has the user’s own home when it can be written to, else one made for the app alone', async () => {
    const own = createDeploying({ home: '/tmp' })
    await own.deploy([script('echo "$HOME"')])
    expect(own.output()).toBe('/tmp\n')
    const file = createDeploying({ home: '/etc/passwd' })
    await file.deploy([script('echo "$HOME"; stat -c %a "$HOME"')])
    expect(file.output()).toBe(`${join(file.state, 'homes', 'blog')}\n700\n`)
  })

  it('keeps the home of an app from one deployment to the next', async () => {
    const world = createDeploying()
    await world.deploy([script('echo cached > "$HOME/cache"')])
    await world.deploy([script('cat "$HOME/cache"')])
    expect(readFileSync(join(world.state, 'homes', 'blog', 'cache'), 'utf8')).toBe('cached\n')
    expect(world.output()).toBe('cached\n')
  })
})
