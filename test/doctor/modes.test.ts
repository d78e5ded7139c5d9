import { spawnSync } from 'node:child_process'
import { execa } from 'execa'
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Found } from '../../src/doctor/finding.ts'
import { checkModes } from '../../src/doctor/modes.ts'
import type { Patient } from '../../src/doctor/patient.ts'
import { createApp, createMap } from '../support/map.ts'
import { createPatient, privateDirectory } from './patient.ts'

const isRoot = process.getuid?.() === 0
/** Another user does not get as far as our own Node, as in a clone below a directory of mode 0700. */
const isHidden = isRoot && spawnSync(process.execPath, ['--version'], { uid: 65_534 }).status !== 0

/** A place of its own with everything as it should be. */
async function place(change: Partial<Patient> = {}) {
  const directory = await privateDirectory()
  const [state, path, config] = [
    join(directory, 'state'),
    join(directory, 'srv', 'blog'),
    join(directory, 'deploy.yml'),
  ]
  await mkdir(state, { mode: 0o700 })
  await mkdir(path, { recursive: true })
  await writeFile(config, '', { mode: 0o600 })
  const patient = createPatient({
    map: createMap([createApp('blog', { path })]),
    config: { file: config, problems: [], warnings: [] },
    stateDirectory: state,
    socket: join(directory, 'control.sock'),
    ...change,
  })
  return { directory, state, path, config, patient, look: () => checkModes(patient) }
}

describe('modes and owners', () => {
  it('are well where only deployhook and root can read and change', async () => {
    const { look } = await place()
    expect(await look()).toMatchObject([{ level: 'ok' }])
  })

  it('are a problem when others can look into the state directory', async () => {
    const { state, look } = await place()
    await chmod(state, 0o750)
    expect(await look()).toEqual([
      {
        level: 'problem',
        where: state,
        what: 'the state directory is open to other users (mode 0750)',
        cure: `chmod 700 ${state}`,
      },
    ])
  })

  it('are a problem when the running daemon has lost its state directory, and a warning before there is one', async () => {
    const { state, patient } = await place()
    await rm(state, { recursive: true })
    expect(await checkModes(patient)).toMatchObject([{ level: 'problem', where: state }])
    expect(await checkModes({ ...patient, daemon: null })).toMatchObject([{ level: 'warning', where: state }])
  })

  it.runIf(isRoot)('are a problem when the state directory is of another user than the daemon', async () => {
    const { state, look } = await place()
    await chown(state, 12345, 12345)
    expect((await look()).find(({ what }) => what.includes('belongs to user 12345'))).toMatchObject({
      level: 'problem',
      where: state,
    })
  })

  it('are a problem when everybody may open the control socket, unless its directory is shut', async () => {
    const { directory, patient, look } = await place()
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(patient.socket, resolve))
    onTestFinished(() => {
      server.close()
    })
    await chmod(patient.socket, 0o666)
    expect(await look()).toMatchObject([{ level: 'ok' }])
    await chmod(directory, 0o755)
    expect(await look()).toMatchObject([
      { level: 'problem', where: patient.socket, what: expect.stringContaining('everybody') as string },
    ])
    await chmod(patient.socket, 0o660)
    expect(await look()).toMatchObject([{ level: 'ok' }])
  })

  it('are a problem when everybody can write to a directory above a secret, and none with the sticky bit', async () => {
    const { directory, patient } = await place()
    const open = join(directory, 'open')
    await mkdir(open)
    const file = join(open, 'github.secret')
    await writeFile(file, 'x', { mode: 0o600 })
    const map = { ...createMap([]), secretFiles: [{ key: 'webhooks.github.secret', file }] }
    await chmod(open, 0o777)
    expect(await checkModes({ ...patient, map })).toEqual([
      {
        level: 'problem',
        where: open,
        what: `everybody on this machine can put something else in the place of ${file} (mode 0777)`,
        cure: `chmod o-w ${open}`,
      },
    ])
    await chmod(open, 0o1777)
    expect(await checkModes({ ...patient, map })).toMatchObject([{ level: 'ok' }])
  })

  it.runIf(isRoot)('are a warning when a group, or another user, can exchange an app or deploy.yml', async () => {
    const { directory, path, config, look } = await place()
    await chmod(join(directory, 'srv'), 0o775)
    await chown(join(directory, 'srv'), 0, 12345)
    expect(await look()).toMatchObject([
      {
        level: 'warning',
        where: join(directory, 'srv'),
        what: `group 12345 can put something else in the place of ${path} (mode 0775)`,
      },
    ])
    await chown(directory, 12345, 0)
    expect(await look()).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        where: directory,
        what: `belongs to user 12345, who can put something else in the place of ${config}`,
      }),
    )
  })

  it('are a problem when an app is deployed to a file', async () => {
    const { path, look } = await place()
    await rm(path, { recursive: true })
    await writeFile(path, '')
    expect(await look()).toMatchObject([{ level: 'problem', where: path, what: 'of app blog is not a directory' }])
  })

  it('are well for an app whose directory can be made', async () => {
    const { path, look } = await place()
    await rm(path, { recursive: true })
    expect(await look()).toMatchObject([{ level: 'ok' }])
  })

  it.skipIf(isHidden)(
    'are a problem for an app that the user of the daemon cannot write to, or cannot make, with the cure',
    async () => {
      const { directory, path } = await place()
      await chmod(directory, 0o755)
      await chmod(path, 0o555)
      const missing = join(path, 'deeper', 'shop')
      const found = await checkModesAsSomebody([path, missing])
      expect(found.filter(({ what }) => what.startsWith('of app'))).toEqual([
        {
          level: 'problem',
          where: path,
          what: 'of app app-0 cannot be written to by somebody (EACCES)',
          cure: `as root: install -d -o somebody ${path}`,
        },
        {
          level: 'problem',
          where: missing,
          what: 'of app app-1 cannot be made by somebody (EACCES)',
          cure: `as root: install -d -o somebody ${missing}`,
        },
      ])
    },
  )

  it('are looked at without a daemon, too', async () => {
    const { patient } = await place({ daemon: null })
    expect(await checkModes(patient)).toMatchObject([{ level: 'ok' }])
  })
})

/** The check in a process that is not root's, for which no mode means anything. */
async function checkModesAsSomebody(paths: readonly string[]): Promise<readonly Found[]> {
  const source = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
  const script = `
import { checkModes } from '${source('../../src/doctor/modes.ts')}'
    import { createApp, createMap } from '${source('../support/map.ts')}'
    const apps = ${JSON.stringify(paths)}.map((path, index) => createApp('app-' + index, { path }))
    const found = await checkModes({
      map: createMap(apps), config: { file: '/etc/passwd' }, stateDirectory: '/nowhere/state', socket: '/nowhere/socket',
      user: { uid: process.getuid(), name: 'somebody' }, daemon: null,
    })
    console.log(JSON.stringify(found))`
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: '/',
    ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
  })
  return JSON.parse(stdout) as Found[]
}
