import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadDeployMap } from '../../src/config/index.ts'
import { permissionFindings } from '../../src/config/read-deploy-file.ts'
import { readRegularFile } from '../../src/config/read-file.ts'
import { makeFolder, options, tell, withApp } from './support.ts'

async function told(file: string, changed: Partial<typeof options> = {}): Promise<string> {
  const loaded = await loadDeployMap(file, { ...options, ...changed })
  return loaded.kind === 'loaded' ? 'loaded' : tell(loaded.problems)
}

describe('a deploy.yml that cannot be read', () => {
  it.each([
    ['missing', () => Promise.resolve(), 'deploy.yml: does not exist'],
    ['a directory', (file: string) => mkdir(file), 'deploy.yml: is a directory, not a file'],
    [
      'a named pipe that nobody writes to',
      (file: string) => void execFileSync('mkfifo', [file]),
      'deploy.yml: is a named pipe, not a file',
    ],
    ['an endless device', (file: string) => symlink('/dev/zero', file), 'deploy.yml: is a device, not a file'],
    ['a terminal', (file: string) => symlink('/dev/tty', file), 'deploy.yml: is a socket or a device, not a file'],
    [
      'a link in a circle',
      (file: string) => symlink(file, file),
      'deploy.yml: is a symbolic link that leads round in a circle',
    ],
    ['a link to nothing', (file: string) => symlink(`${file}.gone`, file), 'deploy.yml: does not exist'],
    ['a socket', listenAt, 'deploy.yml: is a socket or a device, not a file'],
  ])('is answered at once when it is %s', async (what, make, problem) => {
    const file = join(await makeFolder(), 'deploy.yml')
    await make(file)
    const answer = await told(file)
    // Without a terminal of its own a process cannot even open /dev/tty; with one, it is a device.
    if (what === 'a terminal') expect([problem, 'deploy.yml: is a device, not a file']).toContain(answer)
    else expect(answer).toBe(problem)
  })

  it('says so when a part of its path is a file', async () => {
    const folder = await makeFolder()
    await writeFile(join(folder, 'etc'), '')
    expect(await told(join(folder, 'etc', 'deploy.yml'))).toBe(
      'etc/deploy.yml: does not exist: a part of its path is a file, not a directory',
    )
  })

  it.skipIf(process.getuid?.() !== 0)('says so when this user may not read it (root alone can test it)', async () => {
    const file = join(await makeFolder(), 'deploy.yml')
    await writeFile(file, withApp())
    await chmod(file, 0o000)
    process.seteuid?.(65_534)
    onTestFinished(() => process.seteuid?.(0))
    const read = await readRegularFile(file, { maxBytes: 10 })
    process.seteuid?.(0)
    expect(read).toEqual({
      kind: 'unreadable',
      problem: 'may not be read by this user: check its owner and mode, and those of the directories above it',
    })
  })

  it('is named as it was asked for', async () => {
    const loaded = await loadDeployMap('nowhere/deploy.yml', options)
    expect(loaded).toMatchObject({
      kind: 'refused',
      problems: [{ text: 'nowhere/deploy.yml: does not exist', line: null }],
    })
  })
})

describe('a deploy.yml that others can write', () => {
  async function write(mode: number): Promise<string> {
    const file = join(await makeFolder(), 'deploy.yml')
    await writeFile(file, withApp())
    await chmod(file, mode)
    return file
  }

  it.each([0o666, 0o602, 0o777])('is refused when everybody can (mode %o)', async (mode) => {
    const file = await write(mode)
    expect(await told(file)).toContain(
      'deploy.yml: can be written by everybody, who could change what runs here: chmod o-w ',
    )
  })

  it('is refused and still told what else is wrong with it', async () => {
    const file = await write(0o666)
    await writeFile(file, withApp('brnch: main'))
    const loaded = await loadDeployMap(file, options)
    expect(loaded.kind === 'refused' ? loaded.problems.map(({ path }) => path) : []).toEqual(['', 'apps.blog.brnch'])
  })

  it.each([0o664, 0o660])('is taken with a warning when its group can (mode %o)', async (mode) => {
    const loaded = await loadDeployMap(await write(mode), options)
    expect(loaded).toMatchObject({ kind: 'loaded', warnings: [{ severity: 'warning', path: '' }] })
    expect(tell(loaded.warnings)).toContain('can be written by its group')
  })

  it.each([0o644, 0o600, 0o640, 0o400])('is taken without a word when only its owner can (mode %o)', async (mode) => {
    expect(await loadDeployMap(await write(mode), options)).toMatchObject({ kind: 'loaded', warnings: [] })
  })

  it('must belong to the daemon’s user or to root', () => {
    const findings = (owner: number, uid: number): readonly string[] =>
      permissionFindings({ uid: owner, mode: 0o644 }, { file: 'x', uid }).map(({ message }) => message)
    expect(findings(990, 990)).toEqual([])
    expect(findings(0, 990)).toEqual([])
    expect(findings(0, 0)).toEqual([])
    expect(findings(1000, 990)).toEqual([
      'belongs to user 1000, who could change what runs here: it must belong to root or to user 990 (chown)',
    ])
    expect(findings(1000, 0)).toEqual([
      'belongs to user 1000, who could change what runs here: it must belong to root or to user 0 (chown)',
    ])
  })

  it.skipIf(process.getuid?.() !== 0)(
    'is refused when it is another user’s file (root alone can make one)',
    async () => {
      const file = await write(0o644)
      await chown(file, 12_345, 12_345)
      expect(await told(file)).toContain('belongs to user 12345')
    },
  )

  it('is judged by the file itself, not by a link to it', async () => {
    const folder = await makeFolder()
    const file = await write(0o666)
    await symlink(file, join(folder, 'deploy.yml'))
    expect(await told(join(folder, 'deploy.yml'))).toContain('can be written by everybody')
  })
})

async function listenAt(file: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(file, resolve))
  onTestFinished(() => void server.close())
}
