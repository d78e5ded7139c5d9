import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { whatUpkeepNeeds, type Chore, type MirrorFacts } from '../model/upkeep.ts'
import { borrowedRef } from './borrowed.ts'
import { borrowersOf, type Borrower } from './borrowers.ts'
import type { CommandResult, RunCommand } from './command.ts'
import { gitEnvironment, localHardening, type GitSettings } from './git-environment.ts'
import { GitCommandError } from './git-command-error.ts'
import { createGit, type Git } from './git.ts'
import { otherGitIn } from './lock-holder.ts'
import { lookAtMirror, unusedFile } from './mirror-facts.ts'
import { neededBy } from './needed-objects.ts'
import { replaceFile } from './replace-file.ts'
import { removeLeftovers, writeRepositoryConfig } from './repository-files.ts'
import type { Mirror, Tended, TendContext } from './mirrors.ts'

export type TendDeps = {
  readonly settings: GitSettings
  readonly run: RunCommand
  readonly now: Date
}

type Work = {
  readonly mirror: string
  readonly facts: MirrorFacts
  readonly borrowers: readonly Borrower[]
  readonly git: Git
  readonly context: TendContext
  readonly deps: TendDeps
}

/** Does what the mirror needs, and no more. By who holds its lock. */
export async function tendMirror(
  { directory: mirror, apps }: Mirror,
  context: TendContext,
  deps: TendDeps,
): Promise<Tended> {
  const { settings, now } = deps
  const names = apps.map(({ name }) => name)
  const look = async () => {
    const borrowers = await borrowersOf(mirror, settings.stateDirectory)
    return { borrowers, facts: await lookAtMirror(mirror, { apps: names, borrowers, now }) }
  }
  try {
    const { borrowers, facts } = await look()
    const chores = whatUpkeepNeeds(facts).filter((chore) => chore !== 'repack' || context.mayFillDisk)
    if (chores.length === 0) return { kind: 'no_need' }
    const other = await otherGitIn(mirror)
    if (other !== null) return { kind: 'busy', pid: other }

    await writeRepositoryConfig(mirror, { bare: 'true' })
    await removeLeftovers(mirror)
    const work = { mirror, facts, borrowers, git: createGit(settings, context), context, deps }
    for (const chore of chores) {
      if (context.signal.aborted) return { kind: 'gave_way' }
      await how[chore](work)
    }
    return chores.includes('remove')
      ? { kind: 'removed' }
      : { kind: 'tended', chores, before: facts, after: (await look()).facts }
  } catch (error) {
    if (context.signal.aborted) return { kind: 'gave_way' }
    if (!(error instanceof GitCommandError) && errorCode(error) === null) throw error
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

const how = {
  note_unused: ({ mirror, deps }) => replaceFile(unusedFile(mirror), `${deps.now.toISOString()}\n`),
  note_used: ({ mirror }) => rm(unusedFile(mirror), { force: true }),
  remove: ({ mirror }) => removeMirror(mirror),
  async clear_leftovers({ mirror, facts }) {
    for (const name of facts.leftovers) await rm(join(mirror, name), { force: true })
  },
  sort_refs: sortRefs,
  repack,
} satisfies Record<Chore, (work: Work) => Promise<void>>

/** With what was kept or made beside it. Renamed first, so that a half removed one is never taken for a mirror. */
async function removeMirror(mirror: string): Promise<void> {
  const going = `${mirror}.going`
  await rm(going, { recursive: true, force: true })
  await rename(mirror, going)
  for (const name of await readdir(dirname(mirror))) {
    if (name.startsWith(`${basename(mirror)}.`)) await rm(join(dirname(mirror), name), { recursive: true, force: true })
  }
}

/**
 * Refs of apps that fetch here no more go. In `borrowed/`, each tree and view gets refs to exactly what it borrows; where
 * that cannot be told, what it has stays. Nothing is pruned: an object that loses its last ref is still there.
 */
async function sortRefs({ mirror, facts, borrowers, git, context }: Work): Promise<void> {
  const wanted = new Map<string, string>()
  const unsure = new Set<string>()
  for (const borrower of borrowers) {
    const { app } = borrower
    const needed = await neededBy(borrower, { git, mirror })
    if (needed === null) unsure.add(app)
    for (const id of needed ?? []) wanted.set(borrowedRef({ app, revision: id }), id)
  }
  for (const app of new Set([...facts.apps, ...facts.borrowers])) {
    const held = await git.having({ gitDir: mirror }, await context.keep(app))
    for (const id of held) wanted.set(borrowedRef({ app, revision: id }), id)
  }
  const drop = facts.refs.filter((ref) => {
    const [, kind, app = ''] = /^refs\/deployhook\/(tip|borrowed)\/([^/]+)/.exec(ref) ?? []
    if (kind === 'tip') return !facts.apps.has(app)
    return kind === 'borrowed' && !wanted.has(ref) && !unsure.has(app)
  })
  await git.changeRefs({ gitDir: mirror }, { drop, set: [...wanted].map(([ref, to]) => ({ ref, to })) })
}

/**
 * Few packs instead of many, the big ones left alone. It throws nothing away, nor does it need to know what is borrowed:
 * every object of the packs, and every loose one, is in the new packs before the old ones go.
 * https://git-scm.com/docs/git-repack#Documentation/git-repack.txt---geometricfactor
 */
async function repack({ mirror, context, deps }: Work): Promise<void> {
  const { settings, run } = deps
  let output = ''
  const result = await run(
    {
      argv: [
        'git',
        ...[...localHardening, 'pack.threads=1', 'pack.windowMemory=64m'].flatMap((setting) => ['-c', setting]),
        `--git-dir=${mirror}`,
        ...['repack', '--geometric=2', '-d', '-q', '-n'],
      ],
      cwd: settings.stateDirectory,
      env: gitEnvironment(settings, { cookie: context.cookie, protocol: 'none' }),
    },
    {
      signal: context.signal,
      timeoutMs: repackMs,
      graceMs: 2_000,
      onOutput: (chunk) => {
        output = (output + chunk.toString('utf8')).slice(-2_000)
      },
    },
  )
  if (result.kind === 'exited' && result.exitCode === 0) return
  const exitCode = result.kind === 'exited' ? result.exitCode : -1
  throw new GitCommandError('repack', exitCode, `${endOf(result)}${output.trim()}`)
}

/** A big history takes minutes. */
const repackMs = 30 * 60_000

function endOf(result: CommandResult): string {
  if (result.kind === 'not_started') return result.message
  if (result.kind === 'signalled') return `it was ended by ${result.signal}. `
  return result.kind === 'stopped' ? `it took longer than ${repackMs / 60_000} minutes. ` : ''
}
