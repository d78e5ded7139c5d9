import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cannot, executors, nobody, startExecuting } from './executing.ts'
import { isAlive, until } from './running.ts'

const isRoot = process.getuid?.() === 0

/** What steps may count on, whoever runs them. */
describe.each(executors.map((name) => ({ name, why: cannot(name) })))('the executor $name', ({ name, why }) => {
  const test = it.skipIf(why !== null)

  describe('how a command ends', () => {
    test.each([0, 1, 2, 126, 127, 137, 255])('tells exit code %i as it is', async (exitCode) => {
      const { result } = await startExecuting(name).sh(`exit ${exitCode}`)
      expect(result).toMatchObject({ kind: 'exited', exitCode, leftovers: 0 })
    })

    test.each(['SEGV', 'KILL', 'PIPE', 'TERM'])('tells SIG%s that ended it', async (signal) => {
      const { result } = await startExecuting(name).sh(`kill -${signal} $$`)
      expect(result).toMatchObject({ kind: 'signalled', signal: `SIG${signal}`, leftovers: 0 })
    })

    test('lets a pipe break as a shell expects it', async () => {
      const { output } = await startExecuting(name).run(['bash', '-c', 'yes | head -n1; echo "${PIPESTATUS[0]}"'])
      expect(output.toString()).toBe('y\n141\n')
    })

    test('tells why it could not be started', async () => {
      const executing = startExecuting(name)
      const { result: missing } = await executing.run(['no-such-command', 'x'])
      expect(missing).toMatchObject({ kind: 'not_started', reason: 'command_missing' })
      const { result: nowhere } = await executing.run(['true'], { cwd: join(executing.folder, 'nowhere') })
      expect(nowhere).toMatchObject({ kind: 'not_started', reason: 'cwd_missing' })
      const script = join(executing.folder, 'script')
      writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 })
      const { result: uninterpreted } = await executing.run([script])
      expect(uninterpreted).toMatchObject({ kind: 'not_started', reason: 'bad_format' })
      chmodSync(script, 0o644)
      const { result: forbidden } = await executing.run([script])
      expect(forbidden).toMatchObject({ kind: 'not_started', reason: 'not_executable' })
    })

    test('starts nothing with a NUL byte in an argument', async () => {
      const { result } = await startExecuting(name).run(['echo', 'a\0b'])
      expect(result).toMatchObject({ kind: 'not_started', reason: 'nul_in_argument' })
    })
  })

  describe('what a command finds', () => {
    test('is no stdin, its working directory, and arguments as they were given', async () => {
      const executing = startExecuting(name)
      const cwd = join(executing.folder, 'it\'s a $HOME `tree` "here" %n')
      mkdirSync(cwd)
      const hard = ["'", '"', '$HOME', '`id`', '\\', '\n', '%n', '*', '', '--', 'é']
      const { output } = await executing.run(['sh', '-c', 'cat; pwd; printf "<%s>" "$@"', 'sh', ...hard], { cwd })
      expect(output.toString()).toBe(`${cwd}\n${hard.map((text) => `<${text}>`).join('')}`)
    })

    test('is exactly the environment it was given', async () => {
      const executing = startExecuting(name)
      const env = { ONLY: 'this', HARD: "it's\n$HOME `id` \\ \u001b[0m %n\r é", EMPTY: '', LD_X: '1' }
      const { output } = await executing.run(['/usr/bin/env', '-0'], { env })
      const expected = { ...env, DEPLOYHOOK_COOKIE: executing.cookie, PATH: '/usr/local/bin:/usr/bin:/bin' }
      const found = output.toString().split('\0').filter(Boolean)
      expect(found.sort()).toEqual(
        Object.entries(expected)
          .map(([key, value]) => `${key}=${value}`)
          .sort(),
      )
    })

    test('is a session of its own, which it leads, and no parent of anybody it does not know', async () => {
      const { output } = await startExecuting(name).sh('cut -d" " -f1,5,6 /proc/self/stat; echo $$')
      const [, group, session, leader] = output.toString().split(/\s/)
      expect([group, session]).toEqual([leader, leader])
      const { output: children } = await startExecuting(name).sh('exec cat /proc/$$/task/$$/children')
      expect(children.toString()).toBe('')
    })

    it.skipIf(why !== null || !isRoot)(
      'is the user that it is to run as, with its groups, and files of that user',
      async () => {
        const executing = startExecuting(name)
        const user = await nobody(executing.folder)
        const { result, output } = await executing.sh('id -u; id -G; echo seen >/dev/stdout; umask', { user, cwd: '/' })
        expect(result).toMatchObject({ kind: 'exited', exitCode: 0 })
        expect(output.toString()).toBe(`${user.uid}\n${user.gid}\nseen\n0022\n`)
        const closed = join(executing.folder, 'closed')
        mkdirSync(closed, { mode: 0o700 })
        const { result: forbidden } = await executing.sh('true', { user, cwd: closed })
        expect(forbidden).toMatchObject({ kind: 'not_started', reason: 'cwd_forbidden' })
      },
    )
  })

  describe('the output of a command', () => {
    test('keeps stdout and stderr in the order they were written, with /dev/stdout open to it', async () => {
      const { output } = await startExecuting(name).sh(
        'for i in 1 2 3; do echo out$i; echo err$i >&2; echo dev$i >/dev/stdout; done',
      )
      expect(output.toString()).toBe([1, 2, 3].map((i) => `out${i}\nerr${i}\ndev${i}\n`).join(''))
    })

    test('is whole: bytes that are no text, and 20 MB of one line', async () => {
      const { output } = await startExecuting(name).sh(String.raw`printf '\377\000x'`)
      expect(output).toEqual(Buffer.from([0xff, 0x00, 0x78]))
      let bytes = 0
      const onOutput = (chunk: Buffer) => void (bytes += chunk.length)
      await startExecuting(name).sh('head -c 20000000 /dev/zero', { onOutput })
      expect(bytes).toBe(20_000_000)
    })

    test('that cannot be taken in ends the command', async () => {
      const failing = startExecuting(name).sh('echo x; sleep 60', {
        onOutput: () => {
          throw new Error('no room')
        },
      })
      await expect(failing).rejects.toThrow('no room')
    })
  })

  describe('the end of a command', () => {
    const stubborn = `trap '' TERM; (setsid sh -c 'trap "" TERM; echo child $$; while :; do sleep 1; done' &); echo up; while :; do sleep 1; done`

    test('comes when its time is up, for all that it started, SIGTERM heeded or not', async () => {
      const { result, output } = await startExecuting(name).sh(stubborn, { timeoutMs: 1_000, graceMs: 500 })
      expect(result).toMatchObject({ kind: 'stopped', why: 'limit' })
      expect(isAlive(Number(/child (\d+)/.exec(output.toString())?.[1]))).toBe(false)
    })

    test('comes when it is cancelled, with a child that has got rid of its session and its cookie', async () => {
      const executing = startExecuting(name)
      const [stop, pidFile] = [new AbortController(), join(executing.folder, 'pid')]
      const running = executing.sh(
        `(env -i setsid sh -c 'trap "" TERM; echo $$ >${pidFile}; while :; do sleep 1; done' &); sleep 60`,
        { signal: stop.signal, graceMs: 300 },
      )
      await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'))
      stop.abort('cancelled')
      expect((await running).result).toMatchObject({ kind: 'stopped', why: 'cancelled' })
      expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false)
    })

    test('is not held up by SIGTERM that it heeds: it has the grace to tidy up', async () => {
      const { result, output } = await startExecuting(name).sh(
        `trap 'echo tidied; exit 0' TERM; echo up; while :; do sleep 0.1; done`,
        { timeoutMs: 500 },
      )
      expect(result).toMatchObject({ kind: 'stopped', why: 'limit' })
      expect(output.toString()).toMatch(/^up\n(Terminated\n)?tidied\n$/) // the sleep, too, has been told
    })

    test('ends what it leaves running, and says how many there were', async () => {
      const { result, output } = await startExecuting(name).sh('sleep 60 >/dev/null 2>&1 & echo $!')
      expect(result).toMatchObject({ kind: 'exited', exitCode: 0, leftovers: 1 })
      expect(isAlive(Number(output.toString()))).toBe(false)
    })

    test('leaves running what is to be kept', async () => {
      const executing = startExecuting(name)
      const { result, output } = await executing.sh('sleep 60 >/dev/null 2>&1 & echo $!', { background: 'keep' })
      const pid = Number(output.toString())
      expect(result).toMatchObject({ kind: 'exited', exitCode: 0, leftovers: 0 })
      expect(isAlive(pid)).toBe(true)
      process.kill(pid, 'SIGKILL')
      await until(() => !isAlive(pid))
      if (name === 'systemd') await executing.units.release(executing.unit)
    })

    test('may be that of its whole process group', async () => {
      const { result } = await startExecuting(name).sh('kill -9 0')
      expect(result).toMatchObject({ kind: 'signalled', signal: 'SIGKILL' })
    })
  })
})

describe('the executor systemd', () => {
  const why = cannot('systemd')

  it.skipIf(why !== null)('starts nothing in place of a unit that is another’s, and leaves that running', async () => {
    const executing = startExecuting('systemd')
    const systemctl = (...args: readonly string[]) => execFileSync('systemctl', args, { encoding: 'utf8' })
    const unit = `${executing.unit}.service`
    execFileSync('systemd-run', ['--quiet', `--unit=${unit}`, '--description=theirs', 'sleep', '300'])
    onTestFinished(() => void systemctl('stop', unit))
    const { result } = await executing.sh('echo ran >ran')
    expect(result).toMatchObject({
      kind: 'not_started',
      message: `systemd could not start ${executing.unit}: there is another unit of that name (theirs)`,
    })
    await executing.units.release(executing.unit)
    expect(systemctl('is-active', unit)).toBe('active\n')
    expect(existsSync(join(executing.folder, 'ran'))).toBe(false)
  })
})
