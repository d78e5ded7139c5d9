import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runQuietly } from '../../src/runner/exec.ts'
import { startRunning, until } from './running.ts'

describe('how a command ends', () => {
  it.each([0, 1, 2, 3, 126, 127, 137, 255])('tells exit code %i as it is', async (exitCode) => {
    const { result } = await startRunning().sh(`exit ${exitCode}`)
    expect(result).toEqual({ kind: 'exited', exitCode, leftovers: 0 })
  })

  it.each(['SEGV', 'KILL', 'PIPE', 'TERM'])('tells SIG%s that ended it', async (name) => {
    const { result } = await startRunning().sh(`kill -${name} $$`)
    expect(result).toEqual({ kind: 'signalled', signal: `SIG${name}`, leftovers: 0 })
  })

  it('gives the command no stdin: reading it is the end of the file', async () => {
    const { result, output } = await startRunning().sh('cat; echo "cat: $?"')
    expect(result.kind).toBe('exited')
    expect(output.toString()).toBe('cat: 0\n')
  })

  it('gives the command exactly the environment it was given', async () => {
    const running = startRunning()
    const { output } = await running.run(['/usr/bin/env', '-0'], { env: { ONLY: 'this' } })
    expect(output.toString().split('\0').filter(Boolean).sort()).toEqual([
      `DEPLOYHOOK_COOKIE=${running.cookie}`,
      'ONLY=this',
      'PATH=/usr/local/bin:/usr/bin:/bin',
    ])
  })

  it('makes the command the leader of a session of its own', async () => {
    const { output } = await startRunning().sh('cut -d" " -f1,5,6 /proc/self/stat; echo $$')
    const [, group, session, leader] = output.toString().split(/\s/)
    expect([group, session]).toEqual([leader, leader])
  })
})

describe('the output of a command', () => {
  it('keeps stdout and stderr in the order they were written', async () => {
    const { output } = await startRunning().sh('for i in 1 2 3 4 5; do echo out$i; echo err$i >&2; done')
    expect(output.toString()).toBe([1, 2, 3, 4, 5].map((i) => `out${i}\nerr${i}\n`).join(''))
  })

  it('lets a command open /dev/stdout and /dev/stderr', async () => {
    const { result, output } = await startRunning().sh(
      'echo a > /dev/stdout; echo b > /dev/stderr; echo c | tee /dev/stderr',
    )
    expect(result).toMatchObject({ kind: 'exited', exitCode: 0 })
    expect(output.toString()).toBe('a\nb\nc\nc\n')
  })

  it('keeps invalid UTF-8, NUL bytes and characters split over two writes', async () => {
    const { output } = await startRunning().sh(String.raw`printf '\377\376\000x'; printf '\303'; printf '\251\n'`)
    expect(output).toEqual(Buffer.from([0xff, 0xfe, 0x00, 0x78, 0xc3, 0xa9, 0x0a]))
  })

  it('keeps one line of 50 MB whole', async () => {
    let bytes = 0
    const { result } = await startRunning().sh('head -c 50000000 /dev/zero', {
      onOutput: (chunk) => void (bytes += chunk.length),
    })
    expect(result).toMatchObject({ kind: 'exited', exitCode: 0 })
    expect(bytes).toBe(50_000_000)
  })

  it('asks for the next chunk only when the last one was taken in', async () => {
    let taking = 0
    let most = 0
    let bytes = 0
    await startRunning().sh('head -c 2000000 /dev/zero', {
      onOutput: async (chunk) => {
        most = Math.max(most, ++taking)
        await new Promise((resolve) => setImmediate(resolve))
        bytes += chunk.length
        taking--
      },
    })
    expect({ most, bytes }).toEqual({ most: 1, bytes: 2_000_000 })
  })

  it('keeps everything that was written before a slow reader came to it', async () => {
    const gate = Promise.withResolvers<undefined>()
    const ended = Promise.withResolvers<undefined>()
    const running = startRunning()
    const chunks: Buffer[] = []
    const mark = join(running.folder, 'written')
    const done = running.sh(`echo first; head -c 60000 /dev/zero; echo last; touch ${mark}`, {
      onOutput: async (chunk) => {
        ended.resolve(undefined)
        await gate.promise
        chunks.push(Buffer.from(chunk))
      },
    })
    await ended.promise
    await until(() => existsSync(mark))
    gate.resolve(undefined)
    await done
    expect(Buffer.concat(chunks)).toEqual(Buffer.from(`first\n${'\0'.repeat(60_000)}last\n`))
  })

  it('ends the command and throws when its output cannot be taken in', async () => {
    const running = startRunning()
    const disk = new Error('disk full')
    const started = running.sh('yes', {
      onOutput: () => {
        throw disk
      },
    })
    await expect(started).rejects.toBe(disk)
  })

  it('throws also when only the last output cannot be taken in', async () => {
    const running = startRunning()
    const disk = new Error('disk full')
    const started = running.sh('echo only', { onOutput: () => Promise.reject(disk) })
    await expect(started).rejects.toBe(disk)
  })
})

describe('a command that cannot start', () => {
  it('is told apart when there is no such command', async () => {
    const { result } = await startRunning().run(['no-such-command-here'])
    expect(result).toEqual({
      kind: 'not_started',
      reason: 'command_missing',
      message: 'there is no command "no-such-command-here" in PATH (/usr/local/bin:/usr/bin:/bin)',
    })
  })

  it.each([
    ['./missing.sh', 'command_missing'],
    ['', 'command_missing'],
    ['/etc/passwd', 'not_executable'],
    ['/etc', 'not_executable'],
  ])('is told apart when it is %j', async (name, reason) => {
    const { result } = await startRunning().run([name])
    expect(result).toMatchObject({ kind: 'not_started', reason })
  })

  it.each([
    ['#!/no/such/interpreter\n', 'the interpreter of its first line, "/no/such/interpreter", is not there'],
    ['#!/bin/sh\r\necho\r\n', 'has Windows line endings: its first line asks for "/bin/sh\\r"'],
  ])('is told apart when its first line is %j', async (text, why) => {
    const running = startRunning()
    writeFileSync(join(running.folder, 'build'), text, { mode: 0o755 })
    const { result } = await running.run(['./build'])
    expect(result).toMatchObject({ kind: 'not_started', reason: 'bad_format' })
    expect(result).toHaveProperty('message', expect.stringContaining(why))
  })

  it('runs a script without a first line, as a shell would', async () => {
    const running = startRunning()
    writeFileSync(join(running.folder, 'build'), 'echo built', { mode: 0o755 })
    const { output } = await running.run(['./build'])
    expect(output.toString()).toBe('built\n')
  })

  it('looks for the command in the PATH it was given', async () => {
    const running = startRunning()
    mkdirSync(join(running.folder, 'bin'))
    writeFileSync(join(running.folder, 'bin', 'mine'), '#!/bin/sh\necho mine', { mode: 0o755 })
    const { output } = await running.run(['mine'], { env: { PATH: join(running.folder, 'bin') } })
    expect(output.toString()).toBe('mine\n')
    chmodSync(join(running.folder, 'bin', 'mine'), 0o644)
    const { result } = await running.run(['mine'], { env: { PATH: join(running.folder, 'bin') } })
    expect(result).toMatchObject({ kind: 'not_started', reason: 'not_executable' })
  })

  it.each([
    ['not there', 'missing', 'cwd_missing'],
    ['a file', 'file', 'cwd_not_a_directory'],
    ['below a file', 'file/below', 'cwd_missing'],
  ])('is told apart when its working directory is %s', async (_, cwd, reason) => {
    const running = startRunning()
    writeFileSync(join(running.folder, 'file'), '')
    const { result } = await running.run(['true'], { cwd: join(running.folder, cwd) })
    expect(result).toMatchObject({ kind: 'not_started', reason })
  })

  it('is told apart when arguments or environment are too long', async () => {
    const { result } = await startRunning().run(['true', 'x'.repeat(3_000_000)])
    expect(result).toMatchObject({ kind: 'not_started', reason: 'arguments_too_long' })
    const { result: other } = await startRunning().run(['true'], { env: { LONG: 'x'.repeat(3_000_000) } })
    expect(other).toMatchObject({ kind: 'not_started', reason: 'arguments_too_long' })
  })

  it.each([
    ['an argument', 'a\0b', {}],
    ['a variable', 'a', { env: { A: 'x\0y' } }],
    ["a variable's name", 'a', { env: { 'A\0B': 'x' } }],
    ['the working directory', 'a', { cwd: '/tmp\0' }],
  ])('is told apart when there is a NUL byte in %s', async (_, argument, options) => {
    const { result } = await startRunning().run(['echo', argument], options)
    expect(result).toMatchObject({ kind: 'not_started', reason: 'nul_in_argument' })
  })
})

describe('a small program of the system', () => {
  const env = { PATH: '/usr/bin:/bin' }

  it('resolves when it succeeded', async () => {
    await expect(runQuietly(['true'], { env, timeoutMs: 20_000 })).resolves.toBeUndefined()
  })

  it.each([[['false']], [['no-such-program']], [['sleep', '1000']]] as const)(
    'rejects when it did not: %j',
    async (argv) => {
      await expect(runQuietly(argv, { env, timeoutMs: argv[0] === 'sleep' ? 100 : 20_000 })).rejects.toThrow()
    },
  )
})
