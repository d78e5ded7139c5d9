import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import type { DeployMap } from '../model/deploy-map.ts'
import { providers as allProviders } from '../providers/index.ts'
import { reporters as allReporters } from '../reporters/index.ts'
import { checkSchema } from './check-schema.ts'
import { decode } from './decode.ts'
import { entriesOf } from './entries.ts'
import { isError, problemAt, type Finding } from './finding.ts'
import { locate, nowhere, type Places, type Problem } from './problem.ts'
import { readDeployFile } from './read-deploy-file.ts'
import { lookAtMachine } from './machine.ts'
import { resolveMap } from './resolve.ts'
import { rules } from './rules/index.ts'
import type { ReporterTable } from './reporter-schema.ts'
import { createSchema, type ProviderTable } from './schema.ts'
import { secretPlaces } from './secret-places.ts'
import { findSecrets } from './secrets.ts'
import type { LookUpUser } from './users.ts'
import { parseYaml, unparsed, type YamlDocument } from './yaml.ts'

export { findDeployMap } from './find.ts'
export { parseListen } from './listen.ts'
export { formatProblem, type Problem } from './problem.ts'
export { watchDeployMap } from './watch.ts'

export type LoadOptions = {
  /** The daemon's environment: `{ env: NAME }`, `HOME`, `CREDENTIALS_DIRECTORY`. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whose daemon it is: the file must be its own or root's. */
  readonly uid: number
  /** No app may be deployed into it or around it; null when it is not known. */
  readonly stateDirectory: string | null
  /** Steps as root without `allow_root_steps`: refused, or (for `check`, which may be run by root) a warning. */
  readonly rootSteps?: 'refuse' | 'warn'
  /** Knows the users of this machine; by default by its /etc/passwd. */
  readonly lookUpUser?: LookUpUser
  /** Default of `server.max_running`. */
  readonly cores?: number
  readonly providers?: ProviderTable
  readonly reporters?: ReporterTable
}

/** Either the whole map, or every reason why there is none; both in the order of the file. */
export type Loaded =
  | {
      readonly kind: 'loaded'
      readonly map: DeployMap
      readonly warnings: readonly Problem[]
      /** SHA-256 in hex of the file's bytes. Secrets live elsewhere, so the same digest can mean another map. */
      readonly digest: string
    }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] }

/** deploy.yml → the map, or all problems at once. Rejects for nothing that a file can be or hold. */
export async function loadDeployMap(file: string, options: LoadOptions): Promise<Loaded> {
  const { bytes, findings } = await readDeployFile(file, options)
  if (bytes === null) return refused(file, findings, nowhere)
  const document = parse(bytes)
  if (!document.isYaml) return refused(file, [...findings, ...document.findings], document)

  const judged = await judge(document, file, options)
  const all = [...findings, ...document.findings, ...judged.findings]
  if (judged.map === null || all.some(isError)) return refused(file, all, document)
  return {
    kind: 'loaded',
    map: judged.map,
    warnings: locate(all, file, document),
    digest: createHash('sha256').update(bytes).digest('hex'),
  }
}

function parse(bytes: Buffer): YamlDocument {
  const decoded = decode(bytes)
  return decoded.kind === 'text' ? parseYaml(decoded.text) : unparsed(decoded.text, decoded)
}

/** Schema, secrets, rules; the map only when nothing is wrong. */
async function judge(
  document: YamlDocument,
  file: string,
  options: LoadOptions,
): Promise<{ readonly map: DeployMap | null; readonly findings: readonly Finding[] }> {
  const { providers = allProviders, reporters = allReporters, cores = availableParallelism() } = options
  if (document.value === null)
    return { map: null, findings: [problemAt([], 'is empty: it needs apps, and webhooks to hear of pushes')] }
  const { written, findings } = checkSchema(document, createSchema(providers, reporters))
  if (written === null) return { map: null, findings }

  const folder = dirname(resolve(file))
  const secrets = await findSecrets(secretPlaces(written), { env: options.env, folder })
  const entries = entriesOf(written)
  const machine = await lookAtMachine(entries, { ...options, file: resolve(file) })
  const judged = { written, entries, document, secrets: secrets.values, providers, reporters, machine }
  const all = [...findings, ...secrets.findings, ...rules.flatMap((rule) => rule(judged))]
  return {
    map: all.some(isError) || document.findings.length > 0 ? null : resolveMap(judged, { folder, cores }),
    findings: all,
  }
}

function refused(file: string, findings: readonly Finding[], places: Places): Loaded {
  const told = locate(findings, file, places)
  const [problems, warnings] = [
    told.filter(({ severity }) => severity === 'error'),
    told.filter(({ severity }) => severity === 'warning'),
  ]
  return { kind: 'refused', problems, warnings }
}
