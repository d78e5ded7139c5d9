import { link, mkdir, mkdtemp, open, readFile, rename, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { errorCode } from '../../lib/error-code.ts'
import { readProgram } from '../../runner/exec.ts'
import { CliError, exit } from '../cli-error.ts'
import { oneLine } from '../text.ts'
import type { ServiceUser } from './service-user.ts'

/** Writes a file that was not there, for nobody but its owner; false: it is there, and stays as it is. */
export async function writeNew(
  file: string,
  {
    text,
    mode,
    owner,
  }: { readonly text: string; readonly mode: number; readonly owner: { uid: number; gid: number } | null },
): Promise<boolean> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o755 })
    const handle = await open(file, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      if (owner !== null) await handle.chown(owner.uid, owner.gid)
      await handle.chmod(mode)
      await handle.sync()
    } finally {
      await handle.close()
    }
    return true
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST') return false
    throw code === null ? error : cannotWrite(file, error)
  }
}

/** Gives a finished file its name in one step; false: that name is taken, and stays as it is. */
export async function putInPlace(beside: string, file: string): Promise<boolean> {
  try {
    await link(beside, file)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw errorCode(error) === null ? error : cannotWrite(file, error)
  } finally {
    await rm(beside, { force: true })
  }
}

/** Puts a finished file in the place of another, which is kept under the name that is given back. */
export async function putInstead(beside: string, file: string, { stamp }: { readonly stamp: string }): Promise<string> {
  const kept = `${file}.${stamp}`
  await link(file, kept)
  await rename(beside, file)
  return kept
}

export type DeployKey = { readonly file: string; readonly publicLine: string; readonly isNew: boolean }

/** A key of its own for one repository, without a passphrase, which nobody could enter. One that is there is kept. */
export async function makeDeployKey(
  file: string,
  { app, user }: { readonly app: string; readonly user: ServiceUser | null },
): Promise<DeployKey> {
  const known = await publicLineOf(file)
  if (known !== null) return { file, publicLine: known, isNew: false }
  const made = await newKey(`deployhook ${app} on ${hostname()}`)
  if (!(await writeNew(file, { text: made.privateText, mode: 0o600, owner: user })))
    throw failed(
      `${oneLine(file)} is there already, without ${oneLine(file)}.pub: take it away, or name it as --ssh-key`,
    )
  if (!(await writeNew(`${file}.pub`, { text: `${made.publicLine}\n`, mode: 0o644, owner: user }))) {
    await rm(file)
    throw failed(`${oneLine(file)}.pub is there already, and is no public key: take it away`)
  }
  return { file, publicLine: made.publicLine, isNew: true }
}

/** Where nobody else can put a link in its way: the folder that it is for may be another user's. */
async function newKey(comment: string): Promise<{ readonly privateText: string; readonly publicLine: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'deployhook-key-'))
  try {
    const key = join(folder, 'key')
    const argv = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', key] as const
    const { exitCode } = await readProgram(argv, { timeoutMs: 30_000 })
    const publicLine = await publicLineOf(key)
    if (exitCode !== 0 || publicLine === null)
      throw failed('no key could be made: is ssh-keygen there (apt install openssh-client)?')
    return { privateText: await readFile(key, 'utf8'), publicLine }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function publicLineOf(file: string): Promise<string | null> {
  const text = await readFile(`${file}.pub`, 'utf8').catch(() => null)
  return text === null ? null : text.trim()
}

function failed(message: string): CliError {
  return new CliError(message, { exitCode: exit.failed })
}

function cannotWrite(file: string, cause: unknown): CliError {
  return new CliError(
    `${oneLine(file)} cannot be written (${errorCode(cause) ?? 'unknown error'}): run this as root, or say --config with a place that you can write to`,
    { exitCode: exit.failed, cause },
  )
}
