import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createWorld, processesOf, secret, type World, type WorldApp } from '../support/world.ts'
import { until } from '../support/until.ts'

/** A user that every Debian has, without a home directory. */
const nobody = 65534
const ofDaemon = 'of-the-daemon-alone-0123456789'

describe.skipIf(process.getuid?.() !== 0)('an app of another user (only root can run steps as one)', () => {
  it('runs every phase as that user, who sees nothing of the daemon’s', async () => {
    const look = (phase: string): string =>
      `echo "$(id -u):$(id -g):$(id -G) $(umask) $HOME $(pwd -P)" > data/${phase}; stat -c %U data/${phase} . page >> data/${phase}`
    const world = await openWorld({
      ...{ steps: [look('steps'), `sh tools/spy`], before_switch: [look('before_switch')] },
      ...{ activate: [look('activate')], after: [look('after')] },
      preview: `${look('preview')}; touch ready; exec sleep 1000`,
      health: [
        { command: `while [ ! -e ready ]; do sleep 0.05; done; ${look('asked')}`, preview: true },
        { command: look('health') },
      ],
    })
    const id = await world.ship({ page: '1', 'tools/spy': spy(world) })
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded' })

    const release = world.path('srv/blog', readlinkSync(world.path('srv/blog/current')))
    for (const phase of ['steps', 'before_switch', 'preview', 'asked', 'activate', 'health', 'after'])
      expect(`${phase} ${await world.read('srv/blog/shared/data', phase)}`).toBe(
        `${phase} 65534:65534:65534 0022 ${world.path('srv/blog/.home')} ${release}\nnobody\nnobody\nnobody\n`,
      )
    const owners = ['.', 'releases', 'shared', 'current', 'shared/data', '.home'].map((path) => ownerOf(world, path))
    expect(owners).toEqual([0, 0, 0, 0, nobody, nobody])
    expect(await world.read('srv/blog/shared/data/could')).toBe('')
    expect(namesIn(await world.read('srv/blog/shared/data/env'))).toEqual([...environment].sort())
    expect(await world.read('srv/blog/shared/data/descriptors')).not.toMatch(/state\.db|socket:/)
    const cookie = await world.read('srv/blog/shared/data/cookie')
    expect(readdirSync(`/run/deployhook.${cookie.split('.')[0]}`)).toEqual([])
    expect(sleepersOf(world)).toEqual([])
  })

  it('goes back, is held, and is pruned, whatever its steps have planted', async () => {
    const world = await openWorld({ steps: ['sh ./build'], activate: ['test "$(cat page)" != bad'] })
    const precious = world.path('precious')
    mkdirSync(precious)
    writeFileSync(world.path('precious/file'), 'kept', { mode: 0o600 })
    const plant = `ln -s ${precious} planted; mkdir -p a/b; ln -s ${precious} a/b/deep; ln -s ${precious} data/x$$; chmod 0 a`
    const ship = async (page: string) => world.done(await world.ship({ page, build: `${plant}\n` }))
    const live = (): Promise<string> => world.read('srv/blog/current/page')
    expect(await ship('first')).toMatchObject({ outcome: 'succeeded' })
    expect(await ship('second')).toMatchObject({ outcome: 'succeeded' })
    const post = async (what: string) =>
      (await world.daemon.api(`/api/apps/blog/${what}`, { method: 'POST', body: { by: 'alice' } })).body
    const { deployment } = (await post('rollback')) as { deployment: { id: number } }
    expect(await world.done(deployment.id)).toMatchObject({ outcome: 'succeeded' })
    expect(await live()).toBe('first')

    const bad = await world.ship({ page: 'bad', build: `${plant}\n` })
    expect(await world.deployment(bad)).toMatchObject({ waitingFor: 'hold' })
    await post('unhold')
    expect(await world.done(bad)).toMatchObject({ outcome: 'rolled_back', reason: 'step_failed' })
    expect(await live()).toBe('first')
    expect(readdirSync(world.path('srv/blog/releases'))).toHaveLength(2)
    expect(ownerOf(world, 'current/page')).toBe(nobody)
    expect([await world.read('precious/file'), lstatSync(precious).uid]).toEqual(['kept', 0])
  })

  it('is ended when its time is up, or when a person wants so, and all that it started', async () => {
    const up = 'touch data/up; setsid sleep 1000 & sleep 1000'
    const world = await openWorld({ steps: [{ run: `rm -f data/up; ${up}`, timeout: '1s' }] })
    expect(await world.done(await world.ship({ page: '1' }))).toMatchObject({ outcome: 'timed_out' })
    expect(sleepersOf(world)).toEqual([])

    await world.configure({ blog: wholeApp({ steps: [up.replace('data/up', 'data/again')] }) }, ofRoot)
    await world.daemon.api('/api/reload', { method: 'POST' })
    const second = await world.ship({ page: '2' })
    await until('the step', () => existsSync(world.path('srv/blog/shared/data/again')))
    await world.daemon.api(`/api/deployments/${second}/cancel`, { method: 'POST' })
    expect(await world.done(second)).toMatchObject({ outcome: 'cancelled' })
    expect(sleepersOf(world)).toEqual([])
  })
})

describe('a daemon that may not run a step as asked', () => {
  it.skipIf(process.getuid?.() !== 0)(
    'does not start as root without a user for its steps, and names run_as',
    async () => {
      const world = await createWorld({ blog: { steps: ['true'] } }, { start: false, server: ofRoot })
      await expect(world.start()).rejects.toThrow(/would run as root: give run_as: a user of its own/)
    },
  )

  it.skipIf(process.getuid?.() === 0)('does not start as a user who cannot become the other', async () => {
    const world = await createWorld({ blog: wholeApp({ steps: ['true'] }) }, { start: false })
    await expect(world.start()).rejects.toThrow(
      /run_as: .*only root can run steps as another: run deployhook as nobody, or as root/,
    )
  })
})

/** What a user would do who wants more than the release; `could` tells what worked. */
function spy(world: World): string {
  const files = ['state', 'state/state.db', 'state/logs', 'state/mirrors', 'deploy.yml', 'github.secret']
  const lines = [
    ...files.map((file) => `cat ${world.path(file)}`),
    ...files.map((file) => `ls ${world.path(file)}/`),
    `test -w ${world.path('control.sock')}`,
    ...['environ', 'fd/0', 'mem', 'root/etc/passwd'].map((file) => `head -c1 /proc/${world.daemon.pid}/${file}`),
    ...[ofDaemon, secret].map(
      (word) => `grep -qsa '${word.replace('-', '[-]')}' /proc/[0-9]*/environ /proc/[0-9]*/cmdline`,
    ),
    'ln -sfn /etc ../../current',
    'mkdir ../.making-1-1',
    'mv ../../releases ../../taken',
    'mv ../../shared/data ../../shared/else',
    'ls /run/deployhook.*',
  ]
  const tries = lines.map(
    (line) => `if ${line} >/dev/null 2>&1; then echo '${line.replaceAll("'", '')}'; fi >> data/could`,
  )
  return [
    'env | cut -d= -f1 > data/env; echo "$DEPLOYHOOK_COOKIE" > data/cookie',
    'ls -l /proc/self/fd > data/descriptors',
    ...tries,
    'setsid sleep 1000 &',
    '',
  ].join('\n')
}

const environment = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'TMPDIR', 'CI', 'PWD'],
  ...['APP', 'REVISION', 'PREVIOUS_REVISION', 'REF', 'DEPLOYMENT', 'RELEASE_PATH', 'COOKIE'].map(
    (name) => `DEPLOYHOOK_${name}`,
  ),
]

const ofRoot = { allow_root_steps: false }

function wholeApp(app: WorldApp): WorldApp {
  return { strategy: 'releases', run_as: 'nobody', shared: ['data/'], keep: 0, ...app }
}

async function openWorld(app: WorldApp): Promise<World> {
  const world = await createWorld({ blog: wholeApp(app) }, { env: { SECRET: ofDaemon }, server: ofRoot })
  chmodSync(world.dir, 0o755)
  return world
}

function sleepersOf(world: World) {
  return processesOf(world.dir).filter(({ command }) => command.startsWith('sleep '))
}

function ownerOf(world: World, path: string): number {
  return lstatSync(world.path('srv/blog', path)).uid
}

function namesIn(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort()
}
