import { rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { SecretSource } from '../../config/index.ts'
import { errorCode } from '../../lib/error-code.ts'
import { newSecret } from '../../lib/new-secret.ts'
import { isSigningSecret } from '../../lib/standard-webhooks.ts'
import { CliError, exit } from '../cli-error.ts'
import type { Client } from '../client.ts'
import { withDaemon, type Cli } from '../command.ts'
import { oneLine } from '../text.ts'
import { nameSecrets, sourcesOf, writeLike } from './deploy-file.ts'
import { finishRotation } from './finish.ts'
import { enterAtHost, enteredText, type Entered } from './enter.ts'
import { stepsByHand } from './by-hand.ts'
import type { RotateOptions } from './commands.ts'
import { findPlace, type Place } from './place.ts'
import { leadingTo, reaching, type Reach } from './reach.ts'

/** See `commands.ts`. */
export async function rotateSecret(app: string, options: RotateOptions, cli: Cli): Promise<number> {
  const place = await findPlace(app, options, cli)
  return withDaemon(options, {
    cli,
    async ask(client) {
      await daemonReadsThisFile(client, place)
      if (options.finish === true) return finishRotation(place, { client, cli, json: options.json === true })
      return reaching(place, {
        options,
        cli,
        async act(reach) {
          await hostHasHook(place, reach)
          const both = await withTwoSecrets(place, { client, cli })
          return tellRotated(both, { entered: await enterAtHost(both, { reach, options }), options, cli })
        },
      })
    },
  })
}

/** An edit of another file than the daemon's would have the host sign with what the daemon does not know. */
async function daemonReadsThisFile(client: Client, { map }: Place): Promise<void> {
  const { config } = await client.status()
  if (config.file === map.file) return
  throw new CliError(
    `the daemon reads ${oneLine(config.file)}, not ${oneLine(map.file)}: say --config ${oneLine(config.file)}`,
    {
      exitCode: exit.failed,
    },
  )
}

/** Asked before anything is changed: a token that may do nothing must leave nothing half done. */
async function hostHasHook(place: Place, reach: Reach): Promise<void> {
  const { host, path, url, app } = place
  if (leadingTo(url, await reach(place).list()).length > 0) return
  throw new CliError(
    `${host.title} has no hook of ${oneLine(path)} that leads to ${oneLine(url)}, so nothing was changed. Make one: deployhook webhooks create ${app.name}`,
    { exitCode: exit.failed },
  )
}

/** The place with two secrets that the daemon takes, the new one first; made, or found from a run before. */
async function withTwoSecrets(
  place: Place,
  { client, cli }: { readonly client: Client; readonly cli: Cli },
): Promise<Place> {
  const { webhook, map } = place
  const sources = await sourcesOf(map.file, webhook.name)
  const problem = 'problem' in sources ? sources.problem : null
  if (webhook.secrets.length > 1) {
    await daemonTakes(client, { webhook: webhook.name, secrets: 2 })
    return place
  }
  const [old] = 'problem' in sources ? [] : sources
  if (old === undefined || !('file' in old)) throw byHand(place, old ?? null, problem)

  const fresh = await writeBeside(old.file, { place, now: cli.io.clock.now() })
  const edited = await nameSecrets(map, { webhook: webhook.name, sources: [{ file: fresh.name }, old], cli })
  if (edited.kind === 'problem') {
    await rm(fresh.path)
    throw byHand(place, old, edited.problem)
  }
  try {
    await daemonTakes(client, { webhook: webhook.name, secrets: 2 })
  } catch (error) {
    await edited.undo()
    await rm(fresh.path)
    throw error
  }
  const renewed = edited.map.webhooks.get(webhook.name)
  if (renewed === undefined) throw new Error(`webhook ${webhook.name} went away with an edit`)
  return { ...place, map: edited.map, webhook: renewed }
}

/** Has the daemon read deploy.yml, and believes nothing but what it then says of itself. */
export async function daemonTakes(
  client: Client,
  { webhook, secrets }: { readonly webhook: string; readonly secrets: number },
): Promise<void> {
  const reloaded = await client.reload()
  if (reloaded.result === 'refused')
    throw new CliError(
      `the daemon refuses the new deploy.yml, so all is as it was:\n${reloaded.problems.map(oneLine).join('\n')}`,
      {
        exitCode: exit.failed,
      },
    )
  const { webhooks } = await client.webhooks()
  const found = webhooks.find(({ name }) => name === webhook)?.secrets.length ?? 0
  if (found === secrets) return
  throw new CliError(
    `the daemon knows ${found} secrets of webhook ${webhook}, not the ${secrets} of deploy.yml: see deployhook status`,
    {
      exitCode: exit.failed,
    },
  )
}

/** A new secret in a file of its own beside the old one, with its owner and mode. */
async function writeBeside(
  old: string,
  { place, now }: { readonly place: Place; readonly now: Date },
): Promise<{ readonly name: string; readonly path: string }> {
  const { map, webhook } = place
  const folder = dirname(map.file)
  const name = `${old.replace(/\.\d{8}T\d{6}Z$/, '')}.${stampOf(now)}`
  const path = resolve(folder, name)
  const isSigning = webhook.secrets.some((secret) => isSigningSecret(secret.reveal()))
  try {
    await writeLike(resolve(folder, old), { beside: path, text: `${newSecret({ signing: isSigning }).reveal()}\n` })
  } catch (error) {
    await rm(path, { force: true })
    const code = errorCode(error)
    if (code === null) throw error
    const problem = `${path} cannot be written (${code}), which root or the owner of ${old} can`
    throw byHand(place, { file: old }, problem)
  }
  return { name, path }
}

function stampOf(now: Date): string {
  return now.toISOString().replace(/[-:]|\.\d+/g, '')
}

function byHand(place: Place, source: SecretSource | null, problem: string | null): CliError {
  return new CliError(stepsByHand(place, { source, problem }), { exitCode: exit.failed })
}

async function tellRotated(
  { webhook, app, map }: Place,
  {
    entered,
    options,
    cli,
  }: { readonly entered: readonly Entered[]; readonly options: RotateOptions; readonly cli: Cli },
): Promise<number> {
  const failed = entered.filter(({ problem }) => problem !== null)
  const { print, printJson } = cli.terminal
  if (options.json) await printJson({ webhook: webhook.name, file: map.file, repositories: entered })
  else {
    await print(`${oneLine(map.file)} names two secrets for webhook ${webhook.name}, and the daemon takes both`)
    for (const one of entered) await print(enteredText(one, cli))
    await print(
      failed.length > 0
        ? `go on with the rest: deployhook webhooks rotate ${app.name}. Until then the old secret is needed.`
        : `see when the old one was last used: deployhook webhooks. Then drop it: deployhook webhooks rotate ${app.name} --finish`,
    )
  }
  return failed.length > 0 ? exit.failed : exit.done
}
