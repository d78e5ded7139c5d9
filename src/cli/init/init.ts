import { lstat, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { newSecret } from '../../lib/new-secret.ts'
import type { Secret } from '../../lib/secret.ts'
import { succeeds } from '../../lib/succeeds.ts'
import { providers } from '../../providers/index.ts'
import { CliError, exit } from '../cli-error.ts'
import type { Cli } from '../command.ts'
import type { InitOptions } from '../init.ts'
import { oneLine } from '../text.ts'
import { folderOf, gatherAnswers, usage, type Answers } from './answers.ts'
import { makeDeployKey, putInPlace, putInstead, writeNew, type DeployKey } from './files.ts'
import { guessSteps } from './guess-steps.ts'
import { judgeAndAsk } from './judge.ts'
import { serviceUserOf, type ServiceUser } from './service-user.ts'
import type { Plan } from './text.ts'
import { tellDone, tellWhatToAdd } from './told.ts'

/** Answers, secret, deploy.yml, its check, the repository, what to do next: in this order, and nothing half done is left. */
export async function init(options: InitOptions, cli: Cli): Promise<number> {
  const answers = await gatherAnswers(options, cli)
  const user = await serviceUserOf(options.user, cli.io)
  const plan = await planOf(answers, { options, cli })
  if (options.force !== true && (await isThere(plan.file))) return tellWhatToAdd(plan, { user, options, cli })

  const secretFile = secretFileOf(plan)
  const secretText = `${newSecretFor(plan).reveal()}\n`
  const owner = options.credential === undefined ? user : null // systemd reads a credential as root
  const isFresh = await writeNew(secretFile, { text: secretText, mode: 0o600, owner })
  const beside = join(folderOf(plan), `.${basename(plan.file)}.${process.pid}`)
  let key: DeployKey | null = null
  try {
    key = options.makeKey === true ? await makeDeployKey(keyFileOf(plan), { app: plan.app, user }) : null
    const judged = await judgeAndAsk(plan, {
      ...{ beside, secretFile, uid: user?.uid ?? cli.io.uid },
      options,
      cli,
      write: (text) => writeBeside(beside, { text, user }),
    })
    const kept = await takePlace(beside, { plan, options, cli })
    return await tellDone(judged, { plan, key, kept, secret: { file: secretFile, isFresh }, user, options, cli })
  } catch (error) {
    await rm(beside, { force: true })
    if (isFresh) await rm(secretFile)
    if (key?.isNew === true) for (const file of [key.file, `${key.file}.pub`]) await rm(file)
    throw error
  }
}

async function planOf(
  answers: Answers,
  { options, cli: { io } }: { readonly options: InitOptions; readonly cli: Cli },
): Promise<Plan> {
  const { sshKey, makeKey, knownHosts, gitTokenFile, credential, step } = options
  const { protocol } = answers.repo
  if (sshKey !== undefined && makeKey === true) throw usage('give --ssh-key or --make-key, not both')
  if ((sshKey !== undefined || makeKey === true || knownHosts !== undefined) && protocol !== 'ssh')
    throw usage('--ssh-key, --make-key and --known-hosts are for a repository by ssh: git@github.com:acme/blog.git')
  if (gitTokenFile !== undefined && protocol !== 'https') throw usage('--git-token-file is for a repository by https')
  if (credential !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(credential))
    throw usage('--credential is a name of letters, digits and . _ -')
  const draft: Plan = {
    ...{ ...answers, source: { file: '' }, steps: step.length > 0 ? step : await guessSteps(answers.path) },
    sshKey: sshKey === undefined ? null : resolve(io.cwd, sshKey),
    knownHosts: knownHosts === undefined ? null : resolve(io.cwd, knownHosts),
    tokenFile: gitTokenFile === undefined ? null : resolve(io.cwd, gitTokenFile),
  }
  return {
    ...draft,
    source: credential === undefined ? { file: secretFileOf(draft) } : { credential },
    sshKey: makeKey === true ? keyFileOf(draft) : draft.sshKey,
  }
}

function secretFileOf(plan: Plan): string {
  return join(folderOf(plan), `${plan.provider}.secret`)
}

function keyFileOf(plan: Plan): string {
  return join(folderOf(plan), `${plan.app}.key`)
}

/** Of the form that the provider asks for. */
function newSecretFor({ provider }: Plan): Secret {
  const plain = newSecret()
  return (providers[provider].checkSecrets?.([plain]) ?? null) === null ? plain : newSecret({ signing: true })
}

/** The daemon reads it, and nobody but who runs this may write it: whoever can, can run commands here. */
async function writeBeside(
  beside: string,
  { text, user }: { readonly text: string; readonly user: ServiceUser | null },
): Promise<void> {
  await rm(beside, { force: true })
  await writeNew(beside, { text, mode: 0o640, owner: user === null ? null : { uid: 0, gid: user.gid } })
}

/** null: there was none before. */
async function takePlace(
  beside: string,
  { plan: { file }, options, cli }: { readonly plan: Plan; readonly options: InitOptions; readonly cli: Cli },
): Promise<string | null> {
  if (options.force === true && (await isThere(file)))
    return putInstead(beside, file, {
      stamp: cli.io.clock
        .now()
        .toISOString()
        .replace(/[-:]|\.\d+/g, ''),
    })
  if (await putInPlace(beside, file)) return null
  throw new CliError(`${oneLine(file)} has just been made by somebody else, and stays as it is`, {
    exitCode: exit.failed,
  })
}

function isThere(file: string): Promise<boolean> {
  return succeeds(lstat(file))
}
