import { resolve, dirname } from 'node:path'
import { entryText } from '../../config/index.ts'
import { CliError, exit } from '../cli-error.ts'
import type { Client } from '../client.ts'
import type { Cli } from '../command.ts'
import { when } from '../show-deployment.ts'
import { oneLine } from '../text.ts'
import { nameSecrets, sourcesOf } from './deploy-file.ts'
import type { Place } from './place.ts'
import { daemonTakes } from './rotate.ts'

/** Drops the old secret, if deliveries have shown that nobody needs it. */
export async function finishRotation(
  place: Place,
  { client, cli, json }: { readonly client: Client; readonly cli: Cli; readonly json: boolean },
): Promise<number> {
  const { webhook, map, app } = place
  if (webhook.secrets.length < 2)
    throw failed(`webhook ${webhook.name} has one secret in deploy.yml: there is nothing to drop`)
  await nobodyNeedsTheOld(client, { place, now: cli.io.clock.now() })

  const sources = await sourcesOf(map.file, webhook.name)
  const [young, old] = 'problem' in sources ? [] : sources
  if (young === undefined || old === undefined)
    throw failed('problem' in sources ? sources.problem : `webhook ${webhook.name} is not written as two secrets`)
  const edited = await nameSecrets(map, { webhook: webhook.name, sources: [young], cli })
  if (edited.kind === 'problem')
    throw failed(
      `${oneLine(map.file)} cannot be changed by this command: ${oneLine(edited.problem)}. By hand, in webhooks.${webhook.name}: ${entryText([young])}, then ${'file' in young ? 'deployhook reload' : 'systemctl restart deployhook'}`,
    )
  try {
    await daemonTakes(client, { webhook: webhook.name, secrets: 1 })
  } catch (error) {
    await edited.undo()
    throw error
  }
  const left = 'file' in old ? resolve(dirname(map.file), old.file) : null
  if (json) await cli.terminal.printJson({ webhook: webhook.name, file: map.file, app: app.name, unused: left })
  else {
    await cli.terminal.print(`webhook ${webhook.name} takes the new secret only`)
    if (left !== null)
      await cli.terminal.print(`nothing of deploy.yml needs the old file any more: rm ${oneLine(left)}`)
  }
  return exit.done
}

/** The daemon has seen which secret proves what; before the new one has, the old one is the only one known to work. */
async function nobodyNeedsTheOld(
  client: Client,
  { place: { webhook, app }, now }: { readonly place: Place; readonly now: Date },
): Promise<void> {
  const { webhooks } = await client.webhooks()
  const [young, old] = webhooks.find(({ name }) => name === webhook.name)?.secrets ?? []
  if (young === undefined || old === undefined)
    throw failed(`the daemon does not know two secrets of webhook ${webhook.name}: deployhook reload`)
  if (young.lastUsedAt === null)
    throw failed(
      `nothing has come that was signed with the new secret, so the old one stays. Have it tried: deployhook webhooks test ${app.name}, or push`,
    )
  if (old.lastUsedAt !== null && Date.parse(old.lastUsedAt) + bookStepMs > Date.parse(young.lastUsedAt))
    throw failed(
      `the old secret was last used ${when(old.lastUsedAt, now)}, and the new one not since then: something may still sign with it, so it stays. Enter the new one there (deployhook webhooks rotate ${app.name}), then have it tried: deployhook webhooks test ${app.name}, or push`,
    )
}

/** The daemon's book of uses is right to a second: of a burst it keeps the first. */
const bookStepMs = 1000

function failed(message: string): CliError {
  return new CliError(message, { exitCode: exit.failed })
}
