import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { secretsIn, type SecretSource } from '../../config/index.ts'
import { errorCode } from '../../lib/error-code.ts'
import type { DeployMap } from '../../model/deploy-map.ts'
import type { Cli } from '../command.ts'
import { problemText, readMap } from '../load-map.ts'

/** What came of an edit: the map that the daemon will read, or why the file is as it was. */
export type Edited =
  | { readonly kind: 'edited'; readonly map: DeployMap; undo(): Promise<void> }
  | { readonly kind: 'problem'; readonly problem: string }

/** The sources of a webhook's secrets as deploy.yml names them now. */
export async function sourcesOf(
  file: string,
  webhook: string,
): Promise<readonly SecretSource[] | { readonly problem: string }> {
  const found = secretsIn(await readFile(file, 'utf8'), webhook)
  return 'problem' in found ? found : found.sources
}

/**
 * Names other secrets for a webhook, and changes nothing else of the file: neither a comment nor its owner and mode. The
 * new text is judged as the daemon would before it takes the place of the old one, in one step.
 */
export async function nameSecrets(
  before: DeployMap,
  { webhook, sources, cli }: { readonly webhook: string; readonly sources: readonly SecretSource[]; readonly cli: Cli },
): Promise<Edited> {
  const file = await realpath(before.file)
  const old = await readFile(file)
  const found = secretsIn(old.toString('utf8'), webhook)
  if ('problem' in found) return { kind: 'problem', problem: found.problem }

  const beside = join(dirname(file), `.deploy.yml.${process.pid}`)
  try {
    await writeLike(file, { beside, text: found.replacedBy(sources) })
    const judged = await readMap(beside, cli)
    const problem =
      judged.kind === 'refused'
        ? `the new text would be refused: ${await problemText(judged)}`
        : otherwiseChanged(before, judged.map, webhook)
    if (problem !== null || judged.kind === 'refused') return { kind: 'problem', problem: problem ?? '' }
    if (!(await readFile(file)).equals(old))
      return { kind: 'problem', problem: 'somebody else has just changed it: try again' }
    await rename(beside, file)
    return { kind: 'edited', map: judged.map, undo: () => putBack(file, { beside, text: old.toString('utf8') }) }
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    return { kind: 'problem', problem: `it cannot be written here (${code}): root, or its owner, can` }
  } finally {
    await rm(beside, { force: true })
  }
}

async function putBack(
  file: string,
  { beside, text }: { readonly beside: string; readonly text: string },
): Promise<void> {
  await writeLike(file, { beside, text })
  await rename(beside, file)
}

/** A file beside another, of the same owner and mode, on the disk. */
export async function writeLike(
  model: string,
  { beside, text }: { readonly beside: string; readonly text: string },
): Promise<void> {
  const { mode, uid, gid } = await stat(model)
  const handle = await open(beside, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    const made = await handle.stat()
    if (made.uid !== uid || made.gid !== gid) await handle.chown(uid, gid)
    await handle.chmod(mode & 0o777)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The edit means more than it should: an anchor, a merge, a text that only looked like the webhook's. */
function otherwiseChanged(before: DeployMap, after: DeployMap, webhook: string): string | null {
  const facts = ({ webhooks, apps, server, reporters }: DeployMap): string =>
    JSON.stringify([
      [...webhooks.values()]
        .filter(({ name }) => name !== webhook)
        .map(({ name, secrets }) => [name, secrets.map((secret) => secret.reveal())]),
      [...apps.values()].map(({ name, fingerprint }) => [name, fingerprint]),
      [...reporters.keys()],
      server,
    ])
  return facts(before) === facts(after) ? null : 'more than the secrets of this webhook would change'
}
