import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { loadDeployMap, lookUpUser } from '../config/index.ts'
import { examine } from '../doctor.ts'
import type { Finding } from '../doctor/finding.ts'
import { thisMachine } from '../doctor/machine.ts'
import type { Absence, Patient } from '../doctor/patient.ts'
import type { DeployMap } from '../model/deploy-map.ts'
import { localPaths } from '../model/local-paths.ts'
import { createDiskFloor } from '../runner/disk-floor.ts'
import { systemPath } from '../runner/environment.ts'
import { createRunCommand } from '../runner/exec.ts'
import { createWorkspace } from '../runner/git-workspace.ts'
import { networkEnvOf } from '../runner/host-env.ts'
import { noFile } from './check.ts'
import { CliError, exit } from './cli-error.ts'
import type { Cli } from './command.ts'
import { failureText, isForbidden, type Failure } from './connect.ts'
import { configFile, stateDirectory as stateDirectoryOf } from './locations.ts'

type Asked = {
  readonly config: string | undefined
  readonly state: string | undefined
  readonly urls: Readonly<Record<string, string>>
  readonly cli: Cli
}

const limitMs = 30_000

/** What can be found out without a daemon: from deploy.yml, this machine and the network, as whoever asks. */
export async function examineAlone(
  failures: readonly Failure[],
  { config, state, urls, cli }: Asked,
): Promise<readonly Finding[]> {
  const { io } = cli
  const file = await configFile(config, io)
  if (file === null) throw new CliError(noFile, { exitCode: exit.failed })
  const stateDirectory = stateDirectoryOf(state, io)
  const machine = thisMachine(io.env)
  const uid = await daemonUid(machine, io)
  const loaded = await loadDeployMap(file, { env: io.env, uid, stateDirectory, rootSteps: 'warn' })
  const map = loaded.kind === 'loaded' ? loaded.map : null
  // What git needs to ask a remote: not the daemon's own state, which it may be at work in.
  const work = await mkdtemp(join(tmpdir(), 'deployhook-doctor-'))
  const floor = createDiskFloor({
    minFreeBytes: () => map?.server.minFreeBytes ?? null,
    makeRoom: () => Promise.resolve(),
    everyMs: 1_000,
  })
  try {
    return await examine(
      {
        ...machine,
        ...{ map, stateDirectory, daemon: null, absence: absenceOf(failures), urls: new Map(Object.entries(urls)) },
        config: {
          file: resolve(io.cwd, file),
          problems: loaded.kind === 'refused' ? loaded.problems.map(({ text }) => text) : [],
          warnings: loaded.warnings.map(({ text }) => text),
        },
        socket: failures.at(-1)?.path ?? join(stateDirectory, 'control.sock'),
        user: { uid: io.uid, name: userInfo().username },
        now: () => io.clock.now(),
        listRefs: listRefsFrom(work, { map, io }),
        diskProblems: (paths) => floor.problems(paths),
      },
      { limitMs },
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Root may ask for a daemon that the unit starts as another user: deploy.yml is judged for that one. */
async function daemonUid({ program }: Pick<Patient, 'program'>, { uid }: Cli['io']): Promise<number> {
  if (uid !== 0) return uid
  const { exitCode, output } = await program(['systemctl', 'show', 'deployhook.service', '--property=User', '--value'])
  const user = exitCode === 0 ? await lookUpUser(output.trim()) : null
  return user?.kind === 'found' ? user.uid : uid
}

function absenceOf(failures: readonly Failure[]): Absence {
  const tried = failures.map(failureText).join('; ')
  if (failures.some(isForbidden))
    return {
      what: `may not be asked by this user (${tried})`,
      cure: 'sudo deployhook doctor, or join the group of the socket (ls -l)',
    }
  return {
    what: `does not run, so nothing is received or deployed (${tried})`,
    cure: 'systemctl start deployhook, or deployhook serve; with another socket: --socket PATH',
  }
}

function listRefsFrom(
  work: string,
  { map, io }: { readonly map: DeployMap | null; readonly io: Cli['io'] },
): Patient['listRefs'] {
  const workspace = createWorkspace({
    stateDirectory: work,
    run: createRunCommand({ directory: join(work, 'work') }),
    failPoint: () => undefined,
    clock: io.clock,
    log: { warn: () => undefined },
    path: io.env['PATH'] ?? systemPath,
    networkEnv: networkEnvOf({ ...io.env }),
    localPaths: () => (map === null ? [] : localPaths(map)),
  })
  return (app, context) => workspace.listRefs(app, { ...context, cookie: `doctor.${process.pid}` })
}
