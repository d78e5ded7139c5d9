import { execFile } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { findDaemon } from '../../src/cli/connect.ts'
import { aDeployment, json, run, startDaemon, temporaryDirectory } from './world.ts'

const asking = [
  ['status'],
  ['apps'],
  ['deployments'],
  ['show', '1'],
  ['logs', '1'],
  ['deploy', 'blog'],
  ['retry', '1'],
  ['cancel', '1'],
  ['rollback', 'blog'],
  ['releases', 'blog'],
  ['approve', '1'],
  ['hold', 'blog'],
  ['unhold', 'blog'],
  ['freeze', '--all'],
  ['unfreeze', 'blog'],
  ['deliveries'],
  ['explain'],
  ['reload'],
]

describe('finding the daemon', () => {
  it.each(asking)('%s exits 3 when the daemon is not there, naming the socket and the cure', async (...argv) => {
    const socket = join(await temporaryDirectory(), 'control.sock')
    const { code, out, err } = await run(argv, { env: { DEPLOYHOOK_SOCKET: socket } })
    expect(code).toBe(3)
    expect(out).toBe('')
    expect(err).toBe(
      [
        'deployhook: the daemon is not reachable',
        `  ${socket}: there is no such socket`,
        'Is the daemon running?  systemctl status deployhook, or start it: deployhook serve',
        'With another socket?    --socket PATH, or DEPLOYHOOK_SOCKET=PATH',
        '',
      ].join('\n'),
    )
  })

  it('tells a socket that a dead daemon left from one that was never there', async () => {
    const socket = await socketOfTheDead()
    const { code, err } = await run(['status', '--socket', socket])
    expect(code).toBe(3)
    expect(err).toContain(`${socket}: nobody answers (left by a daemon that has ended)`)
  })

  it('says that a file is not a socket', async () => {
    const file = join(await temporaryDirectory(), 'control.sock')
    await writeFile(file, '')
    const { code, err } = await run(['status', '--socket', file])
    expect(code).toBe(3)
    expect(err).toMatch(/control\.sock: (not a socket|nobody answers)/)
  })

  it('tells whom to ask when the socket may not be opened', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('only root can become somebody who may not')
    const daemon = await startDaemon({ 'GET /api/status': json({}) })
    await chmod(daemon.directory, 0o755)
    await chmod(daemon.socket, 0o600)
    const err = await failureAsNobody(daemon.socket)
    expect(err).toContain(`${daemon.socket}: permission denied`)
    expect(err).toContain(`ls -l ${daemon.socket}`)
    expect(err).toContain('usermod -aG GROUP')
    expect(err).toMatch(/exit 3$/)
  })

  it('takes the flag before the variable', async () => {
    const daemon = await startDaemon({ 'GET /api/deployments/12': json(aDeployment()) })
    const { code } = await run(['show', '12', '--json', '--socket', daemon.socket], {
      env: { DEPLOYHOOK_SOCKET: '/nowhere' },
    })
    expect(code).toBe(0)
  })

  it('looks into the state directory, past a socket that a dead daemon left', async () => {
    const daemon = await startDaemon({})
    const dead = await socketOfTheDead()
    expect(await findDaemon([dead, daemon.socket])).toBe(daemon.socket)
  })

  it('finds a daemon by its state directory alone', async () => {
    const daemon = await startDaemon({ 'GET /api/deployments/12': json(aDeployment()) })
    const { code, out } = await run(['show', '12', '--json'], { env: { DEPLOYHOOK_STATE: daemon.directory } })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual(aDeployment())
  })
})

/** A socket file that nobody listens on any more. */
async function socketOfTheDead(): Promise<string> {
  const directory = await temporaryDirectory()
  const socket = join(directory, 'control.sock')
  const real = join(directory, 'real.sock')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(real, resolve))
  // A closing server unlinks the path it was given, and only that one: a hard link of it is left over.
  await promisify(execFile)('ln', [real, socket])
  await new Promise((resolve) => server.close(resolve))
  return socket
}

/** What a user without any rights is told; the last word is the exit code. */
async function failureAsNobody(socket: string): Promise<string> {
  const script = `
    const { findDaemon } = await import(${JSON.stringify(new URL('../../src/cli/connect.ts', import.meta.url).href)})
    process.setgid(65534); process.setuid(65534)
    try { await findDaemon([${JSON.stringify(socket)}]) } catch (error) { console.log(error.message + '\\nexit ' + error.exitCode) }`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  return stdout.trim()
}
