import { dirname, resolve } from 'node:path'
import type { Secret } from '../lib/secret.ts'
import type { SecretFile } from '../model/deploy-map.ts'
import { providers as allProviders } from '../providers/index.ts'
import { reporters as allReporters } from '../reporters/index.ts'
import { checkSchema } from './check-schema.ts'
import { decode } from './decode.ts'
import { entriesOf } from './entries.ts'
import { isError, problemAt, type Finding } from './finding.ts'
import { lookAtMachine } from './machine.ts'
import { locate, nowhere, type Places, type Problem } from './problem.ts'
import { readDeployFile } from './read-deploy-file.ts'
import type { ReporterTable } from './reporter-schema.ts'
import { rules } from './rules/index.ts'
import type { SecretSource } from './schema-parts.ts'
import { createSchema, type ProviderTable, type WrittenMap } from './schema.ts'
import { secretPlaces } from './secret-places.ts'
import { findSecrets } from './secrets.ts'
import type { LookUpUser } from './users.ts'
import { parseYaml, unparsed, type YamlDocument } from './yaml.ts'

export type JudgeOptions = {
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
  readonly providers?: ProviderTable
  readonly reporters?: ReporterTable
}

/** Whether a file makes a map. */
export type Verdict = Sound | Refused

/** What was written, in which nothing is wrong. */
export type Sound = {
  readonly kind: 'sound'
  /** Absolute. */
  readonly file: string
  readonly written: WrittenMap
  readonly secrets: ReadonlyMap<SecretSource, Secret>
  /** Further apps of `written`, to be taken once; empty unless they come from another thread. */
  readonly more: Iterable<Part>
  readonly secretFiles: readonly SecretFile[]
  readonly warnings: readonly Problem[]
}

/** Some of the apps, and the secrets that they name. */
export type Part = {
  readonly apps: WrittenMap['apps']
  readonly secrets: ReadonlyMap<SecretSource, Secret>
}

export type Refused = {
  readonly kind: 'refused'
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

/** Reads deploy.yml and tells all that is wrong with it at once, in the order of the file. Rejects for nothing that a file can be or hold. */
export async function judgeDeployFile(file: string, options: JudgeOptions): Promise<Verdict> {
  const { bytes, findings } = await readDeployFile(file, options)
  if (bytes === null) return refused(file, findings, nowhere)
  const document = parse(bytes)
  if (!document.isYaml) return refused(file, [...findings, ...document.findings], document)

  const judged = await judge(document, file, options)
  const all = [...findings, ...document.findings, ...judged.findings]
  if (judged.written === null || document.findings.length > 0 || all.some(isError)) return refused(file, all, document)
  return {
    kind: 'sound',
    file: resolve(file),
    written: judged.written,
    secrets: judged.secrets,
    more: [],
    secretFiles: judged.secretFiles,
    warnings: locate(all, file, document),
  }
}

function parse(bytes: Buffer): YamlDocument {
  const decoded = decode(bytes)
  return decoded.kind === 'text' ? parseYaml(decoded.text) : unparsed(decoded.text, decoded)
}

type Judgement = {
  /** null: not even its outline is right. */
  readonly written: WrittenMap | null
  readonly secrets: ReadonlyMap<SecretSource, Secret>
  readonly secretFiles: readonly SecretFile[]
  readonly findings: readonly Finding[]
}

/** Schema, secrets, rules. */
async function judge(document: YamlDocument, file: string, options: JudgeOptions): Promise<Judgement> {
  const { providers = allProviders, reporters = allReporters } = options
  const none = { written: null, secrets: new Map(), secretFiles: [] }
  if (document.value === null)
    return { ...none, findings: [problemAt([], 'is empty: it needs apps, and webhooks to hear of pushes')] }
  const { written, findings } = checkSchema(document, createSchema(providers, reporters))
  if (written === null) return { ...none, findings }

  const folder = dirname(resolve(file))
  const secrets = await findSecrets(secretPlaces(written), { env: options.env, folder })
  const entries = entriesOf(written)
  const machine = await lookAtMachine(entries, { ...options, file: resolve(file) })
  const judged = { written, entries, document, secrets: secrets.values, providers, reporters, machine }
  return {
    written,
    secrets: secrets.values,
    secretFiles: secrets.files,
    findings: [...findings, ...secrets.findings, ...rules.flatMap((rule) => rule(judged))],
  }
}

function refused(file: string, findings: readonly Finding[], places: Places): Refused {
  const told = locate(findings, file, places)
  const [problems, warnings] = [
    told.filter(({ severity }) => severity === 'error'),
    told.filter(({ severity }) => severity === 'warning'),
  ]
  return { kind: 'refused', problems, warnings }
}
