import { isUtf8 } from 'node:buffer'
import { join, resolve } from 'node:path'
import { Secret } from '../lib/secret.ts'
import type { SecretFile } from '../model/deploy-map.ts'
import { looksLikeVariable } from './excerpt.ts'
import { pathText, printable, problemAt, warningAt, type Finding } from './finding.ts'
import { readRegularFile } from './read-file.ts'
import type { SecretSource } from './schema-parts.ts'
import type { SecretPlace } from './secret-places.ts'

export type SecretContext = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Relative files start here: the folder of deploy.yml. */
  readonly folder: string
}

/** The secrets found, by the source that names them, and what is wrong with the others. No message holds a value. */
export type FoundSecrets = {
  readonly values: ReadonlyMap<SecretSource, Secret>
  readonly files: readonly SecretFile[]
  readonly findings: readonly Finding[]
}

/** Reads every secret that deploy.yml names from the environment, a file or a systemd credential. */
export async function findSecrets(places: readonly SecretPlace[], context: SecretContext): Promise<FoundSecrets> {
  const values = new Map<SecretSource, Secret>()
  const files: SecretFile[] = []
  const findings: Finding[] = []
  for (const place of places) {
    const found = await read(place.source, context)
    if ('problem' in found) {
      findings.push(problemAt(place.path, found.problem))
      continue
    }
    if (found.warning !== null) findings.push(warningAt(place.path, found.warning))
    findings.push(...judge(found.text, place))
    values.set(place.source, new Secret(found.text))
    if (found.file !== null) files.push({ key: pathText(place.path), file: found.file })
  }
  return { values, files, findings }
}

export type Read =
  | { readonly text: string; readonly warning: string | null; readonly file: string | null }
  | { readonly problem: string }

async function read(source: SecretSource, context: SecretContext): Promise<Read> {
  if ('env' in source) return readVariable(source.env, context)
  if ('file' in source) return readFile(source.file, context)
  return readCredential(source.credential, context)
}

function readVariable(name: string, { env }: SecretContext): Read {
  const text = Object.hasOwn(env, name) ? env[name] : undefined
  if (text !== undefined) return { text, warning: null, file: null }
  const shown = looksLikeVariable(name) ? ` ${name}` : ' of this name'
  return {
    problem: `the environment variable${shown} is not set: set it for the daemon (systemd: EnvironmentFile=), or use { file: … }`,
  }
}

async function readFile(file: string, { folder }: SecretContext): Promise<Read> {
  if (file.startsWith('~')) return { problem: '~ is not expanded here: write the whole path' }
  if (file.trim() === '') return { problem: 'the file has no name' }
  return readSecretFile(resolve(folder, file))
}

async function readCredential(name: string, { env }: SecretContext): Promise<Read> {
  const directory = env['CREDENTIALS_DIRECTORY']
  if (!/^[^/\0]+$/.test(name) || name === '.' || name === '..')
    return { problem: 'the name of a credential holds no /' }
  const unitLine = `LoadCredential=${printable(name)}:/path/to/file in the systemd unit`
  if (directory === undefined || directory === '')
    return { problem: `no credentials were passed to this process: needs ${unitLine}` }
  const found = await readSecretFile(join(directory, name))
  return 'problem' in found ? { problem: `${found.problem}: needs ${unitLine}` } : found
}

const maxBytes = 65_536

/** What a file holds as a secret, without the line break at its end; a file that everybody may write is refused, one that all may read is warned of. */
export async function readSecretFile(file: string): Promise<Read> {
  const read = await readRegularFile(file, { maxBytes })
  const shown = printable(file)
  if (read.kind === 'unreadable') return { problem: `the file ${shown} ${read.problem}` }
  if (!isUtf8(read.bytes))
    return { problem: `the file ${shown} holds bytes that are not text: base64 or hex makes text of them` }
  const { mode } = read.stats
  if ((mode & 0o002) !== 0)
    return { problem: `the file ${shown} can be written by everybody: make a new secret, and chmod 600 the file` }
  const warning =
    (mode & 0o004) === 0 ? null : `the file ${shown} can be read by everybody on this machine: chmod o-rwx ${shown}`
  return { text: read.bytes.toString('utf8').replace(/\r?\n$/, ''), warning, file }
}

const leastLength = 16
const makeOne = 'make one with: openssl rand -hex 32'

function judge(text: string, { path, strength }: SecretPlace): readonly Finding[] {
  if (text.trim() === '')
    return [
      problemAt(path, text === '' ? `the secret is empty: ${makeOne}` : `the secret is nothing but spaces: ${makeOne}`),
    ]
  if (text.includes('\0')) return [problemAt(path, 'the secret holds a NUL character')]
  if (strength === 'text') return []
  const findings: Finding[] = []
  if (/[\r\n]/.test(text))
    findings.push(problemAt(path, 'the secret is more than one line: keep the line that is meant'))
  else if (text.trim() !== text)
    findings.push(warningAt(path, 'the secret starts or ends with a space: is it meant to?'))
  if (strength === 'token' || text.length >= leastLength) return findings
  const short = `the secret has ${text.length} characters, which can be guessed`
  return [
    ...findings,
    strength === 'weak' ? warningAt(path, `${short} (allow_weak_secret)`) : problemAt(path, `${short}: ${makeOne}`),
  ]
}
