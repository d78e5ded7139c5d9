import { availableParallelism } from 'node:os'
import type { DeployMap } from '../model/deploy-map.ts'
import { providers as allProviders } from '../providers/index.ts'
import { judgeApart, type ApartOptions } from './judge-apart.ts'
import { judgeDeployFile, type JudgeOptions, type Refused, type Verdict } from './judge.ts'
import type { Problem } from './problem.ts'
import { resolveMap } from './resolve.ts'
import type { ProviderTable } from './schema.ts'

export { entryText, secretsIn, yamlText, type SecretsInText } from './edit-secrets.ts'
export { findDeployMap } from './find.ts'
export { parseListen } from './listen.ts'
export { formatProblem, type Problem } from './problem.ts'
export type { SecretSource } from './schema-parts.ts'
export { readSecretFile } from './secrets.ts'
export { lookUpUser } from './users.ts'
export { watchDeployMap } from './watch.ts'

export type LoadOptions = JudgeOptions & {
  /** Default of `server.max_running`. */
  readonly cores?: number
}

/** Either the whole map, or every reason why there is none; both in the order of the file. */
export type Loaded =
  | {
      readonly kind: 'loaded'
      readonly map: DeployMap
      readonly warnings: readonly Problem[]
    }
  | Refused

/** deploy.yml → the map, or all problems at once. Rejects for nothing that a file can be or hold. */
export async function loadDeployMap(file: string, options: LoadOptions): Promise<Loaded> {
  return load(await judgeDeployFile(file, options), options)
}

/** The same without a pause for others, however large the file is: it is judged in a thread of its own. */
export async function loadDeployMapApart(file: string, options: ApartOptions): Promise<Loaded> {
  return load(await judgeApart(file, options), {})
}

async function load(
  verdict: Verdict,
  { providers = allProviders, cores = availableParallelism() }: { providers?: ProviderTable; cores?: number },
): Promise<Loaded> {
  if (verdict.kind === 'refused') return verdict
  return { kind: 'loaded', map: await resolveMap(verdict, { providers, cores }), warnings: verdict.warnings }
}
