import { isWithin } from '../lib/path-within.ts'
import { lengthOf } from '../lib/ago.ts'
import { stepsOf, type App, type Step } from '../model/deploy-map.ts'
import { ok, problem, warning, type Found } from './finding.ts'
import type { Check, Patient } from './patient.ts'
import { parseSpan, parseUnit, type Unit } from './systemd-unit.ts'

const service = 'deployhook.service'
const socket = 'deployhook.socket'

/** How the service is set up, where it is one: what its restart, its stop and its sandbox mean for deployments. */
export const checkSystemd: Check = async (patient) => {
  const unit = await show(service, patient)
  if (unit === null) return [ok('systemd', 'there is no systemd here to ask')]
  if (unit('LoadState') !== 'loaded') return [ok('systemd', `there is no ${service}`)]
  const { daemon } = patient
  if (daemon !== null && unit('MainPID') !== String(daemon.pid))
    return [
      warning(
        service,
        'is not the daemon that answers here, which was started in another way',
        `systemctl status ${service}`,
      ),
    ]
  const found = [...lifeOf(unit, patient), ...sandboxOf(unit, patient), ...socketOf(await show(socket, patient))]
  const dropIns = unit('DropInPaths')
  const told = dropIns === '' ? '' : `, with drop-ins: ${dropIns}`
  return [ok(service, `${unit('ActiveState') || 'unknown'}, ${unit('UnitFileState') || 'unknown'}${told}`), ...found]
}

const properties = [
  ...['LoadState', 'ActiveState', 'UnitFileState', 'MainPID', 'NeedDaemonReload', 'DropInPaths', 'Type'],
  ...['Restart', 'StartLimitIntervalUSec', 'WatchdogUSec', 'KillMode', 'TimeoutStopUSec'],
  ...['NoNewPrivileges', 'ProtectSystem', 'ProtectHome', 'PrivateTmp', 'ReadWritePaths', 'BindPaths', 'StateDirectory'],
]

/** null: there is no systemd that answers. */
async function show(unit: string, { program }: Patient): Promise<Unit | null> {
  const { exitCode, output } = await program(['systemctl', 'show', unit, `--property=${properties.join(',')}`])
  return exitCode === 0 && output.includes('LoadState=') ? parseUnit(output) : null
}

/** How it starts, is watched and ends. */
function lifeOf(unit: Unit, { daemon }: Patient): readonly Found[] {
  const restart = unit('Restart')
  const killMode = unit('KillMode')
  const stopMs = parseSpan(unit('TimeoutStopUSec'))
  // What is interrupted gets SIGTERM, and SIGKILL 10 s later.
  const neededMs = (daemon?.shutdownGraceMs ?? 60_000) + 10_000
  return [
    ...(unit('NeedDaemonReload') === 'yes'
      ? [warning(service, 'the unit has changed on the disk since systemd read it', 'systemctl daemon-reload')]
      : []),
    ...(unit('ActiveState') === 'failed' ? [problem(service, 'has failed', `journalctl -u ${service} -n 50`)] : []),
    ...(unit('UnitFileState') === 'disabled'
      ? [warning(service, 'is not started at boot', 'systemctl enable deployhook')]
      : []),
    ...(restart === 'always'
      ? []
      : [
          warning(
            service,
            `Restart=${restart}: a daemon that ends is not started again in every case`,
            edit('Restart=always'),
          ),
        ]),
    ...(parseSpan(unit('StartLimitIntervalUSec')) === 0
      ? []
      : [
          warning(
            service,
            'after some failures in a row systemd gives up starting it, and pushes are lost',
            edit('StartLimitIntervalSec=0', 'Unit'),
          ),
        ]),
    ...(unit('Type') === 'notify' && (parseSpan(unit('WatchdogUSec')) ?? 0) === 0
      ? [
          warning(
            service,
            'has no watchdog: a daemon that makes no progress is not started again',
            edit('WatchdogSec=30s'),
          ),
        ]
      : []),
    ...(killMode === 'mixed' || killMode === 'process'
      ? []
      : [
          warning(
            service,
            `KillMode=${killMode}: a restart ends running steps at once instead of letting them end`,
            edit('KillMode=mixed'),
          ),
        ]),
    ...(stopMs !== null && stopMs < neededMs
      ? [
          warning(
            service,
            `TimeoutStopSec is ${lengthOf(stopMs)}, and running deployments are let end for ${lengthOf(neededMs)}: systemd kills before that`,
            edit('TimeoutStopSec=90s'),
          ),
        ]
      : []),
  ]
}

/** What the sandbox keeps steps from, and apps out of. */
function sandboxOf(unit: Unit, { map, stateDirectory }: Patient): readonly Found[] {
  const apps = [...(map?.apps.values() ?? [])]
  const withSudo = unit('NoNewPrivileges') === 'yes' ? apps.filter((app) => stepsOf(app).some(usesSudo)) : []
  const writable = [stateDirectory, ...['ReadWritePaths', 'BindPaths'].flatMap((name) => pathsIn(unit(name)))]
  const shut = apps.flatMap((app) => {
    const why = writable.some((path) => isWithin(app.path, path)) ? null : whyShut(app, unit)
    return why === null
      ? []
      : [problem(app.path, `steps of app ${app.name} cannot write there: ${why}`, edit(`ReadWritePaths=${app.path}`))]
  })
  const hidden =
    unit('PrivateTmp') === 'yes' ? apps.filter(({ path }) => tmp.some((directory) => isWithin(path, directory))) : []
  return [
    ...withSudo.map(({ name }) =>
      problem(
        service,
        `NoNewPrivileges=yes, and a step of app ${name} uses sudo, which then cannot become root`,
        edit('NoNewPrivileges=no'),
      ),
    ),
    ...shut,
    ...hidden.map(({ name, path }) =>
      problem(
        path,
        `of app ${name} lies in a /tmp that only the service sees (PrivateTmp=yes)`,
        'deploy it to another place',
      ),
    ),
  ]
}

const tmp = ['/tmp', '/var/tmp']

function usesSudo({ run }: Step): boolean {
  return run.kind === 'argv'
    ? /(?:^|\/)sudo$/.test(run.argv[0])
    : /(?:^|[\s;&|(])(?:\/usr\/bin\/)?sudo\s/m.test(run.text)
}

/** `-` before a path: it may be missing; `+`: relative to RootDirectory=. Of a pair that is bound, the second is where it shows. */
function pathsIn(value: string): readonly string[] {
  return value.split(' ').flatMap((one) => {
    const path = one.replace(/^[-+]+/, '')
    const bound = path.split(':')
    return path === '' ? [] : [bound[1]?.startsWith('/') === true ? bound[1] : (bound[0] ?? path)]
  })
}

/** systemd.exec(5): what each level of protection makes read-only or unseen. */
function whyShut({ path }: App, unit: Unit): string | null {
  const system = unit('ProtectSystem')
  const home = unit('ProtectHome')
  if (home !== 'no' && home !== '' && ['/home', '/root', '/run/user'].some((directory) => isWithin(path, directory)))
    return `ProtectHome=${home}`
  if (system === 'strict')
    return unit('PrivateTmp') === 'yes' && tmp.some((directory) => isWithin(path, directory))
      ? null
      : 'ProtectSystem=strict'
  const shut = system === 'full' ? ['/usr', '/boot', '/efi', '/etc'] : system === 'yes' ? ['/usr', '/boot', '/efi'] : []
  return shut.some((directory) => isWithin(path, directory)) ? `ProtectSystem=${system}` : null
}

function socketOf(unit: Unit | null): readonly Found[] {
  if (unit === null || unit('LoadState') !== 'loaded') return []
  if (unit('ActiveState') === 'active') return [ok(socket, 'holds the address, so that pushes wait during a restart')]
  return [
    warning(
      socket,
      `is installed and ${unit('ActiveState')}: pushes are refused during a restart`,
      `systemctl stop ${service}; systemctl enable --now ${socket} ${service}`, // systemd opens none for a service that runs
    ),
  ]
}

function edit(line: string, section = 'Service'): string {
  return `systemctl edit deployhook: [${section}] ${line}`
}
