import type { Secret } from '../../lib/secret.ts'
import type { Entry } from '../entries.ts'
import type { Finding } from '../finding.ts'
import type { RealPath } from '../real-path.ts'
import type { ReporterTable } from '../reporter-schema.ts'
import type { ProviderTable, WrittenMap } from '../schema.ts'
import type { SecretSource } from '../schema-parts.ts'
import type { UserFound } from '../users.ts'
import type { YamlDocument } from '../yaml.ts'

/** What the rules look at: a file that fits the schema (what does not is struck out), and this machine around it. */
export type Judged = {
  readonly written: WrittenMap
  readonly entries: readonly Entry[]
  /** What was written, right or wrong: something struck out is not missing. */
  readonly document: Pick<YamlDocument, 'has' | 'keysOf'>
  readonly secrets: ReadonlyMap<SecretSource, Secret>
  readonly providers: ProviderTable
  readonly reporters: ReporterTable
  readonly machine: Machine
}

export type Machine = {
  /** deploy.yml, absolute. */
  readonly file: string
  /** The same with links followed. */
  readonly realFile: string
  readonly uid: number
  readonly home: string | null
  /** As given and with links followed; empty when there is none. */
  readonly stateDirectories: readonly string[]
  /** Of every app path, as `appPath` writes it. */
  readonly realPaths: ReadonlyMap<string, RealPath>
  /** What is wrong with the key and known_hosts files of `git`, by the name as written. */
  readonly sshFileProblems: ReadonlyMap<string, string>
  /** Of every `run_as`. */
  readonly users: ReadonlyMap<string, UserFound>
  /** Whether root's steps are refused or only warned about. */
  readonly rootSteps: 'refuse' | 'warn'
}

/** One thing that has to hold between several keys, or between deploy.yml and the machine. */
export type Rule = (judged: Judged) => readonly Finding[]
