import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  lstatSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createWorld, processesOf, secret, type World, type WorldApp } from '../support/world.ts'

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
    expect(await world.read('srv/blog/shared/data/descriptors')).toBe('0\n1\n2\n3\n') // 3: of ls itself
    const cookie = await world.read('srv/blog/shared/data/cookie')
    expect(readdirSync(`/run/deployhook.${cookie.split('.')[0]}`)).toEqual([])
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
    'ls /proc/self/fd > data/descriptors',
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

async function openWorld(app: WorldApp): Promise<World> {
  const whole = { strategy: 'releases', run_as: 'nobody', shared: ['data/'], keep: 0, ...app }
  const world = await createWorld({ blog: whole }, { env: { SECRET: ofDaemon }, server: { allow_root_steps: false } })
  chmodSync(world.dir, 0o755)
  return world
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
