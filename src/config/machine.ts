import { dirname, resolve } from 'node:path'
import type { KnownPaths } from '../lib/real-path.ts'
import { appPath, type Entry } from './entries.ts'
import { readRegularFile } from './read-file.ts'
import { realPathOf } from './real-path.ts'
import type { Machine } from './rules/rule.ts'
import { lookUpUser as lookUpUserHere, type LookUpUser } from './users.ts'

/** What the rules need to know of this machine; the only part of them that looks at the disk. */
export async function lookAtMachine(
  entries: readonly Entry[],
  options: {
    readonly file: string
    readonly env: Readonly<Record<string, string | undefined>>
    readonly uid: number
    readonly stateDirectory: string | null
    readonly rootSteps?: 'refuse' | 'warn'
    readonly lookUpUser?: LookUpUser
  },
): Promise<Machine> {
  const { file, env, uid, stateDirectory, rootSteps = 'refuse', lookUpUser = lookUpUserHere } = options
  const paths = [...new Set(entries.map(appPath).filter((path) => path !== null))]
  const known: KnownPaths = new Map()
  const realFile = realPathOf(file)
  const home = env['HOME']
  return {
    file,
    realFile: 'real' in realFile ? realFile.real : file,
    uid,
    home: home === undefined || home === '' ? null : resolve(home),
    stateDirectories: stateDirectory === null ? [] : withReal(resolve(stateDirectory)),
    realPaths: new Map(paths.map((path) => [path, realPathOf(path, known)])),
    sshFileProblems: await sshFileProblems(entries, dirname(file)),
    users: await usersNamedBy(entries, lookUpUser),
    rootSteps,
  }
}

async function usersNamedBy(entries: readonly Entry[], lookUpUser: LookUpUser): Promise<Machine['users']> {
  const names = new Set(entries.map(({ app }) => app.run_as).filter((name) => name !== undefined))
  return new Map(await Promise.all([...names].map(async (name) => [name, await lookUpUser(name)] as const)))
}

function withReal(directory: string): readonly string[] {
  const where = realPathOf(directory)
  return 'real' in where && where.real !== directory ? [directory, where.real] : [directory]
}

async function sshFileProblems(entries: readonly Entry[], folder: string): Promise<ReadonlyMap<string, string>> {
  const problems = new Map<string, string>()
  for (const key of ['ssh_key', 'known_hosts'] as const) {
    for (const written of new Set(entries.map(({ app }) => app.git?.[key]).filter((name) => name !== undefined))) {
      const file = resolve(folder, written)
      const read = await readRegularFile(file, { maxBytes: 1_048_576 })
      if (read.kind === 'unreadable') problems.set(written, `${file} ${read.problem}`)
      // ssh(1): it "will simply ignore a private key file if it is accessible by others".
      else if (key === 'ssh_key' && (read.stats.mode & 0o077) !== 0)
        problems.set(written, `others may read ${file}, so ssh will not use it: chmod 600`)
    }
  }
  return problems
}
