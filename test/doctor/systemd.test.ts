import { describe, expect, it } from 'vitest'
import { checkSystemd } from '../../src/doctor/systemd.ts'
import { parseSpan } from '../../src/doctor/systemd-unit.ts'
import type { Step } from '../../src/model/deploy-map.ts'
import { createApp, createMap } from '../support/map.ts'
import { aDaemon, createPatient } from './patient.ts'

/** As systemd 252 tells of the unit in systemd/. */
const good = {
  LoadState: 'loaded',
  ActiveState: 'active',
  UnitFileState: 'enabled',
  MainPID: '4711',
  NeedDaemonReload: 'no',
  DropInPaths: '',
  Type: 'notify',
  Restart: 'always',
  StartLimitIntervalUSec: '0',
  WatchdogUSec: '30s',
  KillMode: 'mixed',
  TimeoutStopUSec: '1min 30s',
  NoNewPrivileges: 'no',
  ProtectSystem: 'no',
  ProtectHome: 'no',
  PrivateTmp: 'yes',
  ReadWritePaths: '',
  BindPaths: '',
  StateDirectory: 'deployhook',
}

type Properties = Readonly<Record<string, string>>

function step(run: Step['run']): Step {
  return { name: 'x', run, timeoutMs: null, env: new Map(), cwd: '.', background: 'kill' }
}

function lookAt(
  change: Properties,
  {
    socket = { LoadState: 'not-found' },
    path = '/srv/blog',
    steps = [],
  }: { socket?: Properties; path?: string; steps?: readonly Step[] } = {},
) {
  const asked: (readonly string[])[] = []
  const patient = createPatient({
    map: createMap([createApp('blog', { path, steps })]),
    daemon: aDaemon({ pid: 4711 }),
    program: (argv) => {
      asked.push(argv)
      const properties: Properties = argv[2] === 'deployhook.service' ? { ...good, ...change } : socket
      const output = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`)
      return Promise.resolve({ exitCode: 0, output: output.join('') })
    },
  })
  return checkSystemd(patient).then((found) => ({ found, bad: found.filter(({ level }) => level !== 'ok'), asked }))
}

const script = (text: string): Step => step({ kind: 'script', shell: 'sh', text })

describe('the systemd service', () => {
  it('is well as it is installed', async () => {
    const { found, asked } = await lookAt({})
    expect(found).toEqual([{ level: 'ok', where: 'deployhook.service', what: 'active, enabled', cure: null }])
    expect(asked[0]?.slice(0, 3)).toEqual(['systemctl', 'show', 'deployhook.service'])
  })

  it('is no matter where there is none, and no systemd', async () => {
    expect((await lookAt({ LoadState: 'not-found' })).found).toEqual([
      { level: 'ok', where: 'systemd', what: 'there is no deployhook.service', cure: null },
    ])
    expect(await checkSystemd(createPatient())).toMatchObject([
      { level: 'ok', what: 'there is no systemd here to ask' },
    ])
  })

  it('names its drop-ins', async () => {
    const { found } = await lookAt({ DropInPaths: '/etc/systemd/system/deployhook.service.d/override.conf' })
    expect(found[0]?.what).toBe(
      'active, enabled, with drop-ins: /etc/systemd/system/deployhook.service.d/override.conf',
    )
  })

  it('is told apart from a daemon that was started in another way', async () => {
    expect((await lookAt({ MainPID: '1', Restart: 'no' })).bad).toMatchObject([
      { level: 'warning', what: expect.stringContaining('is not the daemon that answers') as string },
    ])
  })

  it.each([
    {
      change: { Restart: 'on-failure' },
      level: 'warning',
      says: 'Restart=on-failure',
      cure: 'systemctl edit deployhook: [Service] Restart=always',
    },
    {
      change: { StartLimitIntervalUSec: '10s' },
      level: 'warning',
      says: 'gives up starting it',
      cure: 'systemctl edit deployhook: [Unit] StartLimitIntervalSec=0',
    },
    {
      change: { WatchdogUSec: '0' },
      level: 'warning',
      says: 'no watchdog',
      cure: 'systemctl edit deployhook: [Service] WatchdogSec=30s',
    },
    {
      change: { KillMode: 'control-group' },
      level: 'warning',
      says: 'KillMode=control-group',
      cure: 'systemctl edit deployhook: [Service] KillMode=mixed',
    },
    {
      change: { TimeoutStopUSec: '45s' },
      level: 'warning',
      says: 'TimeoutStopSec is 45 s, and running deployments are let end for 1 min 10 s',
      cure: 'systemctl edit deployhook: [Service] TimeoutStopSec=90s',
    },
    {
      change: { NeedDaemonReload: 'yes' },
      level: 'warning',
      says: 'has changed on the disk',
      cure: 'systemctl daemon-reload',
    },
    {
      change: { ActiveState: 'failed' },
      level: 'problem',
      says: 'has failed',
      cure: 'journalctl -u deployhook.service -n 50',
    },
    {
      change: { UnitFileState: 'disabled' },
      level: 'warning',
      says: 'not started at boot',
      cure: 'systemctl enable deployhook',
    },
  ])('is told of with $change', async ({ change, level, says, cure }) => {
    const { bad } = await lookAt(change)
    expect(bad).toEqual([{ level, where: 'deployhook.service', what: expect.stringContaining(says) as string, cure }])
  })

  it.each([
    { steps: [script('npm ci\nsudo systemctl restart blog')], bad: true },
    { steps: [script('/usr/bin/sudo -n true')], bad: true },
    { steps: [step({ kind: 'argv', argv: ['/usr/bin/sudo', 'true'] })], bad: true },
    { steps: [script('echo pseudo science')], bad: false },
    { steps: [step({ kind: 'argv', argv: ['echo', 'sudo'] })], bad: false },
  ])('with NoNewPrivileges and a step of $steps.0.run: a problem is $bad', async ({ steps, bad }) => {
    const { bad: found } = await lookAt({ NoNewPrivileges: 'yes' }, { steps })
    expect(found).toMatchObject(bad ? [{ level: 'problem', what: expect.stringContaining('sudo') as string }] : [])
    expect((await lookAt({}, { steps })).bad).toEqual([])
  })

  it.each([
    { change: { ProtectSystem: 'strict' }, path: '/srv/blog', why: 'ProtectSystem=strict' },
    { change: { ProtectSystem: 'strict', ReadWritePaths: '/opt -/srv/blog' }, path: '/srv/blog', why: null },
    { change: { ProtectSystem: 'strict', ReadWritePaths: '/srv' }, path: '/srv/blog', why: null },
    { change: { ProtectSystem: 'strict', ReadWritePaths: '/srv/blo' }, path: '/srv/blog', why: 'ProtectSystem=strict' },
    { change: { ProtectSystem: 'strict', BindPaths: '/data/blog:/srv/blog:rbind' }, path: '/srv/blog', why: null },
    { change: { ProtectSystem: 'full' }, path: '/usr/share/nginx/html', why: 'ProtectSystem=full' },
    { change: { ProtectSystem: 'yes' }, path: '/etc/site', why: null },
    { change: { ProtectHome: 'yes' }, path: '/home/ada/blog', why: 'ProtectHome=yes' },
    { change: { ProtectHome: 'read-only' }, path: '/root/blog', why: 'ProtectHome=read-only' },
  ])('with $change an app in $path is kept out: $why', async ({ change, path, why }) => {
    const { bad } = await lookAt(change, { path })
    expect(bad).toEqual(
      why === null
        ? []
        : [
            {
              level: 'problem',
              where: path,
              what: `steps of app blog cannot write there: ${why}`,
              cure: `systemctl edit deployhook: [Service] ReadWritePaths=${path}`,
            },
          ],
    )
  })

  it('hides an app in /tmp from everybody else with PrivateTmp', async () => {
    expect((await lookAt({}, { path: '/tmp/blog' })).bad).toMatchObject([{ level: 'problem', where: '/tmp/blog' }])
    expect((await lookAt({ PrivateTmp: 'no' }, { path: '/tmp/blog' })).bad).toEqual([])
  })

  it('is told of with a socket that is installed and not started', async () => {
    expect((await lookAt({}, { socket: { LoadState: 'loaded', ActiveState: 'active' } })).found.at(-1)).toMatchObject({
      level: 'ok',
      where: 'deployhook.socket',
    })
    expect((await lookAt({}, { socket: { LoadState: 'loaded', ActiveState: 'inactive' } })).bad).toMatchObject([
      {
        ...{ level: 'warning', where: 'deployhook.socket' },
        cure: 'systemctl stop deployhook.service; systemctl enable --now deployhook.socket deployhook.service',
      },
    ])
  })
})

it.each([
  ['0', 0],
  ['30s', 30_000],
  ['1min 30s', 90_000],
  ['1h 500ms', 3_600_500],
  ['infinity', Infinity],
  ['soon', null],
  ['', null],
])('a span of systemd, %j, is %j ms', (text, ms) => {
  expect(parseSpan(text)).toBe(ms)
})
