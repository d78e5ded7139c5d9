import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Loaded } from '../../config/index.ts'
import type { DeployMap } from '../../model/deploy-map.ts'
import { CliError, exit } from '../cli-error.ts'
import type { Cli } from '../command.ts'
import { askRepository } from '../git-access.ts'
import type { InitOptions } from '../init.ts'
import { problemText, readMap } from '../load-map.ts'
import { deployYml, type Plan } from './text.ts'

/** A deploy.yml that the daemon would take, and what its repository says. */
export type Judged = {
  readonly map: DeployMap
  readonly branch: string
  readonly warnings: readonly string[]
  /** What keeps the repository from being deployed, with the cure; null: nothing, or nobody asked. */
  readonly gitProblem: string | null
}

type Judging = {
  readonly beside: string
  readonly secretFile: string
  /** Who runs the daemon. */
  readonly uid: number
  readonly options: InitOptions
  readonly cli: Cli
  readonly write: (text: string) => Promise<void>
}

/** Writes the text beside its place, judges it as the daemon would, and asks the repository by what it says. */
export async function judgeAndAsk(plan: Plan, judging: Judging): Promise<Judged> {
  const judged = await judge(plan, judging)
  const { options, cli } = judging
  const app = judged.map.apps.get(plan.app)
  if (!options.gitCheck || app === undefined) return { ...judged, branch: plan.branch, gitProblem: null }

  const access = await askRepository(app, cli.io)
  if (access.kind === 'failed') return { ...judged, branch: plan.branch, gitProblem: access.message }
  const { branches } = access
  if (branches.includes(plan.branch)) return { ...judged, branch: plan.branch, gitProblem: null }
  const [only, ...more] = branches
  // Nobody has said main: a repository whose one branch is called otherwise means that one.
  if (only !== undefined && more.length === 0 && !plan.isBranchSaid)
    return { ...(await judge({ ...plan, branch: only }, judging)), branch: only, gitProblem: null }
  const there = branches.length === 0 ? 'it is empty: push something' : `there is ${branches.slice(0, 20).join(', ')}`
  return { ...judged, branch: plan.branch, gitProblem: `The repository has no branch ${plan.branch} (${there}).` }
}

async function judge(
  plan: Plan,
  { beside, secretFile, uid, cli, write }: Judging,
): Promise<Pick<Judged, 'map' | 'warnings'>> {
  await write(deployYml(plan))
  const loaded = await load(plan, { beside, secretFile, uid, cli })
  if (loaded.kind === 'loaded') return { map: loaded.map, warnings: loaded.warnings.map(({ message }) => message) }
  throw new CliError(
    `deployhook would not take what this would write, so nothing was written:\n${await problemText(loaded)}`,
    {
      exitCode: exit.failed,
    },
  )
}

/** A credential is looked for where systemd would put it. */
async function load(
  { source }: Plan,
  { beside, secretFile, uid, cli }: Pick<Judging, 'beside' | 'secretFile' | 'uid' | 'cli'>,
): Promise<Loaded> {
  if (!('credential' in source)) return readMap(beside, cli, { uid })
  const directory = await mkdtemp(join(tmpdir(), 'deployhook-credentials-'))
  try {
    await symlink(secretFile, join(directory, source.credential))
    const io = { ...cli.io, env: { ...cli.io.env, CREDENTIALS_DIRECTORY: directory } }
    return await readMap(beside, { ...cli, io }, { uid })
  } finally {
    await rm(directory, { recursive: true })
  }
}
