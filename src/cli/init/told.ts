import { hostOf } from '../../hosts/index.ts'
import { providerOf } from '../../providers/index.ts'
import { exit } from '../cli-error.ts'
import type { Cli } from '../command.ts'
import type { InitOptions } from '../init.ts'
import { readMap } from '../load-map.ts'
import { facts } from '../table.ts'
import { oneLine } from '../text.ts'
import type { DeployKey } from './files.ts'
import type { Judged } from './judge.ts'
import type { ServiceUser } from './service-user.ts'
import { appText, webhookText, type Plan } from './text.ts'

type Telling = {
  readonly plan: Plan
  readonly key: DeployKey | null
  /** The deploy.yml that was there before. */
  readonly kept: string | null
  readonly secret: { readonly file: string; readonly isFresh: boolean }
  readonly user: ServiceUser | null
  readonly options: InitOptions
  readonly cli: Cli
}

export async function tellDone(judged: Judged, telling: Telling): Promise<number> {
  const { plan, key, kept, secret, options, cli } = telling
  const { print, printJson, paint } = cli.terminal
  const form = formOf(judged, telling)
  if (options.json)
    await printJson({
      ...{ file: plan.file, app: plan.app, branch: judged.branch, webhook: plan.provider, url: urlOf(plan) },
      ...{ secret: { ...plan.source, keptIn: secret.file, isFresh: secret.isFresh }, form: Object.fromEntries(form) },
      ...{ deployKey: key === null ? null : { file: key.file, public: key.publicLine }, keptBefore: kept },
      ...{ git: { ok: judged.gitProblem === null, problem: judged.gitProblem, asked: options.gitCheck } },
      warnings: judged.warnings,
    })
  else {
    await print(`${paint.green(`${oneLine(plan.file)} is written`)}, and is right`)
    if (kept !== null) await print(`what was there before is kept: ${oneLine(kept)}`)
    for (const warning of judged.warnings) await print(`${paint.yellow('warning')} ${oneLine(warning)}`)
    await print(
      secret.isFresh
        ? `the secret is new, in ${oneLine(secret.file)}, for its owner alone`
        : `the secret is the one that was in ${oneLine(secret.file)} already`,
    )
    for (const text of [...credentialLines(telling), ...keyLines(key), ...gitLines(judged, telling)]) await print(text)
    await print(`\nEnter this at the git host, in the settings of the repository, under webhooks:\n`)
    await print(facts(form, paint.dim))
    for (const text of nextLines(telling)) await print(text)
  }
  return judged.gitProblem === null ? exit.done : exit.failed
}

function urlOf({ publicUrl, provider }: Plan): string | null {
  return publicUrl === null ? null : `${publicUrl}/hooks/${provider}`
}

/** The fields of the host's own form, and what goes into each. */
function formOf({ map }: Judged, { plan, secret }: Telling): readonly (readonly [string, string])[] {
  const webhook = map.webhooks.get(plan.provider)
  if (webhook === undefined) throw new Error(`init wrote no webhook ${plan.provider}`)
  const { urlField, secretField, fields } = providerOf(webhook).form(webhook)
  return [
    [urlField, urlOf(plan) ?? `https://…/hooks/${plan.provider}, at the address of your proxy`],
    [secretField, `what this prints: cat ${secret.file}`],
    ...fields.map((field): readonly [string, string] => {
      const [, name = field, value = 'yes'] = /^(".*?") (.+)$/.exec(field) ?? []
      return [name, value.startsWith('(') ? `yes ${value}` : value]
    }),
    ['TLS (SSL) verification', 'enabled'],
  ]
}

function credentialLines({ plan: { source }, secret: { file } }: Telling): readonly string[] {
  if (!('credential' in source)) return []
  const name = source.credential
  return [
    `the unit hands it over with this line (systemctl edit deployhook):\n\n  [Service]\n  LoadCredential=${name}:${file}\n`,
    `or encrypted, for this machine alone:\n\n  systemd-creds encrypt --name=${name} ${file} ${file}.cred && rm ${file}\n  LoadCredentialEncrypted=${name}:${file}.cred\n`,
  ]
}

function keyLines(key: DeployKey | null): readonly string[] {
  if (key === null) return []
  return [
    `the deploy key is ${key.isNew ? 'new' : 'the one that was there'}: ${oneLine(key.file)}. Enter its public half at the git host, in the settings of the repository, under deploy keys, without write access:\n\n  ${oneLine(key.publicLine)}\n`,
  ]
}

function gitLines(
  { gitProblem, branch }: Judged,
  { plan, options, cli: { terminal, io }, user }: Telling,
): readonly string[] {
  if (!options.gitCheck) return []
  if (gitProblem === null)
    return [`${terminal.paint.green('the repository answers')}, and has the branch ${oneLine(branch)}`]
  const cure =
    plan.repo.protocol === 'ssh' && plan.sshKey === null
      ? ['a key of its own: deployhook init --force --make-key, with the same answers']
      : []
  const who =
    user === null || io.uid !== 0
      ? []
      : [`(asked as root; the daemon is ${user.name}, whose ~/.ssh/known_hosts counts)`]
  return [`${terminal.paint.red('the repository cannot be deployed yet')}: ${oneLine(gitProblem)}`, ...who, ...cure]
}

function nextLines({ plan, user }: Telling): readonly string[] {
  const { app, path, provider, file } = plan
  const api =
    hostOf(provider) === null ? [] : [`or let that be done: deployhook webhooks create ${app} --token-file FILE`]
  const owner = user === null ? '' : `install -d -o ${user.name} ${path}; `
  return [
    '',
    ...api,
    ...(plan.publicUrl === null ? ['once it is known how the daemon is reached: server.public_url in deploy.yml'] : []),
    `next: ${owner}start the daemon (systemctl enable --now deployhook, or deployhook serve --config ${oneLine(file)}), then deployhook send --webhook ${provider}`,
  ]
}

/** A file of somebody's work is not edited: it is told what belongs into it. */
export async function tellWhatToAdd(
  plan: Plan,
  { user, options, cli }: Pick<Telling, 'user' | 'options' | 'cli'>,
): Promise<number> {
  const { file, app, path, provider, source, sshKey } = plan
  const { print, printJson, warn } = cli.terminal
  const loaded = await readMap(file, cli)
  const map = loaded.kind === 'loaded' ? loaded.map : null
  const hasWebhook = map !== null && [...map.webhooks.values()].some((webhook) => webhook.provider === provider)
  const hasApp = map?.apps.has(app) === true
  const webhook = hasWebhook ? null : webhookText(plan)
  const entry = hasApp ? null : appText(plan)
  if (options.json) await printJson({ file, written: false, add: { webhooks: webhook, apps: entry } })
  else {
    await warn(
      `deployhook: ${oneLine(file)} is there already, and stays as it is (--force replaces it, and keeps it beside)`,
    )
    if (entry === null) await print(`it has an app ${app} already; another name: --app NAME`)
    else {
      await print('Add this to it:\n')
      if (webhook !== null) await print(`webhooks:\n${webhook}`)
      await print(`apps:\n${entry}`)
      if (webhook !== null && 'file' in source)
        await print(
          `with a new secret: (umask 077; ${providerOf({ provider }).makeSecret ?? 'openssl rand -hex 32'} > ${source.file})${given(source.file)}`,
        )
      if (options.makeKey === true && sshKey !== null)
        await print(
          `with a key of its own: ssh-keygen -t ed25519 -N '' -f ${sshKey}${given(`${sshKey} ${sshKey}.pub`)}; its public half goes to the git host: cat ${sshKey}.pub`,
        )
      if (user !== null) await print(`with a directory of its own: install -d -o ${user.name} ${path}`)
      await print(`then: ${user === null ? '' : `runuser -u ${user.name} -- `}deployhook check, and deployhook reload`)
    }
  }
  return exit.failed

  function given(files: string): string {
    return user === null ? '' : ` && chown ${user.name} ${files}`
  }
}
