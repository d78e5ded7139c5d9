import type { Loaded } from '../config/index.ts'
import type { DeployMap } from '../model/deploy-map.ts'
import { likelyState, noFile } from './check.ts'
import { CliError, exit } from './cli-error.ts'
import type { Cli } from './command.ts'
import { configFile, withCredentials } from './locations.ts'

/**
 * The deploy map that a command works by. Fails with every problem of the file when there is none: a command that
 * changes something elsewhere does so by a map that the daemon would take, too.
 */
export async function loadMap(flag: string | undefined, cli: Cli): Promise<DeployMap> {
  const file = await configFile(flag, cli.io)
  if (file === null) throw new CliError(noFile, { exitCode: exit.failed })
  const loaded = await readMap(file, cli)
  if (loaded.kind === 'loaded') return loaded.map
  const problems = await problemText(loaded)
  throw new CliError(
    `${problems}\nSecrets that come from variables must be set here, too: (set -a; . /etc/deployhook/secrets.env; deployhook …)`,
    { exitCode: exit.failed },
  )
}

/** The same, with what is wrong as a value; `uid`: of the daemon that is to take it. */
export async function readMap(file: string, cli: Cli, { uid = cli.io.uid } = {}): Promise<Loaded> {
  const { loadDeployMap } = await import('../config/index.ts')
  return loadDeployMap(file, {
    env: withCredentials(cli.io.env),
    uid,
    stateDirectory: likelyState(cli),
    rootSteps: 'warn',
  })
}

export async function problemText(refused: Extract<Loaded, { kind: 'refused' }>): Promise<string> {
  const { formatProblem } = await import('../config/index.ts')
  return refused.problems.map((problem) => formatProblem(problem, { colour: false })).join('\n')
}
