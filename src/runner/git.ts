import { parseRevision, type Revision } from '../model/revision.ts'
import {
  commitOf,
  differencesOf,
  entriesOf,
  itemsOf,
  linesOf,
  rangeInput,
  refOf,
  settingOf,
  specialsOf,
  type Commit,
  type Entries,
  type Entry,
  type GitRef,
  type Range,
  type Setting,
  type Specials,
} from './git-output.ts'
import { GitCommandError } from './git-command-error.ts'
import { gitEnvironment, localHardening, type GitSettings } from './git-environment.ts'
import { isShort } from './git-shortage.ts'
import { decoded, nulTerminated, treePathsOf, type TreePath } from './tree-path.ts'

/** Where a command works. The directory is named in every one of them: git never goes looking for a repository. */
export type Place = { readonly gitDir: string; readonly workTree?: string; readonly indexFile?: string }

/** What simple-git does for us: local work, each with a fixed argument list. Nobody else can add an option. */
export type Git = ReturnType<typeof createGit>

/** `signal` ends a command (its promise rejects); `cookie` marks its process. */
export function createGit(settings: GitSettings, context: { readonly signal: AbortSignal; readonly cookie: string }) {
  const run = (place: Place, args: readonly string[], options?: RunOptions) =>
    local(settings, context, { place, args, ...options })
  const text = async (place: Place, args: readonly string[]) => (await run(place, args)).stdout.toString('utf8').trim()
  const differing = async (place: Place, args: readonly string[]) => differencesOf((await run(place, args)).stdout)

  return {
    /** The commit that a ref or an id leads to, or null. */
    async commitOf(place: Place, name: string): Promise<Revision | null> {
      const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`]
      const { stdout, exitCode } = await run(place, args, { accept: [0, 1, 128] })
      return exitCode === 0 ? parseRevision(stdout.toString('utf8').trim()) : null
    },
    /** Whether `revision` is `from` or one of those it came from. */
    async isAncestor(place: Place, { revision, from }: { revision: Revision; from: Revision }): Promise<boolean> {
      const args = ['merge-base', '--is-ancestor', '--end-of-options', revision, from]
      return (await run(place, args, { accept: [0, 1, 128] })).exitCode === 0
    },
    treeOf: (place: Place, revision: Revision) =>
      text(place, ['rev-parse', '--verify', '--end-of-options', `${revision}^{tree}`]),
    messageOf: (place: Place, revision: Revision) =>
      text(place, ['log', '-1', '--format=%B', '--end-of-options', revision]),
    /** Every file of a commit or tree, submodules as mode 160000. */
    async filesOf(place: Place, treeish: string): Promise<Entries> {
      return entriesOf((await run(place, ['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', treeish])).stdout)
    },
    /** Names as text, whatever bytes they are of; a renamed file counts as two. */
    async filesBetween(place: Place, { from, to }: { from: Revision; to: Revision }): Promise<readonly string[]> {
      const args = ['diff-tree', '-r', '--name-only', '-z', '--no-renames', '--no-ext-diff', '--ignore-submodules=none']
      return itemsOf(await run(place, [...args, '--end-of-options', from, to]))
    },
    async indexed(place: Place): Promise<Entries> {
      return entriesOf((await run(place, ['ls-files', '--stage', '-z'])).stdout)
    },
    /** Looks at every tracked file whose times have changed; exit code 1 only says that some differ. */
    async refreshIndex(place: Place): Promise<void> {
      await run(place, ['update-index', '-q', '--refresh', '--ignore-submodules'], { accept: [0, 1] })
    },
    /** Tracked files that differ from the index (`from`) or are missing. Never looks into a submodule: that would run its config. */
    changed: (place: Place) => differing(place, ['diff-files', '--raw', '-z', '--ignore-submodules=all']),
    /** Where the index (`to`) differs from a revision (`from`); looks at no file. */
    differences: (place: Place, revision: Revision) =>
      differing(place, ['diff-index', '--raw', '-z', '--cached', '--ignore-submodules=none', revision]),
    /** Where index or files differ from a revision (`from`). `to` is what the index has; null for a file that is not as in there. */
    unlike: (place: Place, revision: Revision) =>
      differing(place, ['diff-index', '--raw', '-z', '--ignore-submodules=all', revision]),
    /** Submodules and files of attributes that a revision has. */
    async specials(place: Place, revision: Revision): Promise<Specials> {
      return specialsOf((await run(place, ['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', revision])).stdout)
    },
    /** Makes the index say what is on disk: `absent` paths leave it, `present` ones are stored. */
    async stage(
      place: Place,
      { present, absent }: { present: readonly TreePath[]; absent: readonly TreePath[] },
    ): Promise<void> {
      if (absent.length > 0) {
        const input = nulTerminated(absent.map((path) => `0 ${'0'.repeat(40)}\t${path}`))
        await run(place, ['update-index', '-z', '--index-info'], { input })
      }
      if (present.length > 0) {
        await run(place, ['update-index', '--add', '--replace', '-z', '--stdin'], { input: nulTerminated(present) })
      }
    },
    writeTree: (place: Place) => text(place, ['write-tree']),
    async commitTree(
      place: Place,
      { tree, parent, message }: { tree: string; parent: Revision | null; message: string },
    ): Promise<Revision> {
      const args = ['commit-tree', ...(parent === null ? [] : ['-p', parent]), '-m', message, tree]
      const commit = parseRevision(await text(place, args))
      if (commit === null) throw new Error('git commit-tree named no commit')
      return commit
    },
    /** The empty tree, written if need be. */
    emptyTree: async (place: Place) =>
      (await run(place, ['mktree'], { input: Buffer.alloc(0) })).stdout.toString('utf8').trim(),
    async setRef(place: Place, ref: string, to: string): Promise<void> {
      await run(place, ['update-ref', '--end-of-options', ref, to])
    },
    /** In one transaction; a ref to drop need not be there. */
    async changeRefs(
      place: Place,
      { drop, set }: { drop: readonly string[]; set: readonly { readonly ref: string; readonly to: string }[] },
    ): Promise<void> {
      const lines = [...drop.map((ref) => `delete ${ref}\n`), ...set.map(({ ref, to }) => `update ${ref} ${to}\n`)]
      await run(place, ['update-ref', '--stdin'], { input: Buffer.from(lines.join('')) })
    },
    /** Also fine when there is no such ref. */
    async deleteRef(place: Place, ref: string): Promise<void> {
      await run(place, ['update-ref', '-d', '--end-of-options', ref])
    },
    async refs(place: Place, prefix: string): Promise<readonly GitRef[]> {
      const format = '--format=%(objectname) %(refname) %(*objectname)'
      const lines = (await text(place, ['for-each-ref', format, prefix])).split('\n')
      return lines.filter((line) => line !== '').map(refOf)
    },
    /** The parents of the commits that the refs below `prefix` lead to. */
    async parents(place: Place, prefix: string): Promise<readonly string[]> {
      return (await text(place, ['for-each-ref', '--format=%(parent)', prefix])).split(/\s+/)
    },
    /** Commits that HEAD, all refs and the roots lead to, but not those in `not`. */
    async commits(place: Place, range: Range): Promise<readonly Commit[]> {
      const args = ['rev-list', '--parents', '--all', '--stdin']
      return linesOf(await run(place, args, { input: rangeInput(range) })).map(commitOf)
    },
    /** The same with every object that belongs to those commits. */
    async objects(place: Place, range: Range): Promise<readonly string[]> {
      const args = ['rev-list', '--objects', '--no-object-names', '--all', '--stdin']
      return linesOf(await run(place, args, { input: rangeInput(range) }))
    },
    /** Those of the objects that are there. */
    async having(place: Place, ids: readonly string[]): Promise<ReadonlySet<string>> {
      if (ids.length === 0) return new Set()
      const input = Buffer.from(ids.map((id) => `${id}\n`).join(''))
      const lines = linesOf(await run(place, ['cat-file', '--batch-check=%(objectname)'], { input }))
      return new Set(lines.filter((line) => !line.includes(' ')))
    },
    /** Whether everything that refs lead to is there and whole. What old history is forgiven on its way here is no fault. */
    async isWhole(place: Place): Promise<boolean> {
      const { exitCode } = await run(place, ['fsck', '--full', '--no-dangling', '--no-progress'], { accept: anyExit })
      return exitCode === 0
    },
    async isPackWhole(place: Place, pack: string): Promise<boolean> {
      return (await run(place, ['verify-pack', '--', pack], { accept: anyExit })).exitCode === 0
    },
    /** All refs, also those that lead to nothing. */
    async refNames(place: Place): Promise<readonly string[]> {
      return linesOf(await run(place, ['for-each-ref', '--format=%(refname)']))
    },
    /** Index and files become exactly `revision`; whatever stands in the way is overwritten. */
    async checkOut(place: Place, revision: Revision): Promise<true> {
      await run(place, ['read-tree', '--reset', '-u', '--no-recurse-submodules', revision])
      return true
    },
    /** The same from `from`, which the index is. false: a file that changes is not as in `from`, or in the way; nothing is done. */
    async moveOn(place: Place, { from, to }: { from: Revision; to: Revision }): Promise<boolean> {
      const args = ['read-tree', '-m', '-u', '--no-recurse-submodules', from, to]
      return (await run(place, args, { accept: [0, 1, 128] })).exitCode === 0
    },
    /** The index alone becomes `revision`. */
    async loadIndex(place: Place, revision: Revision): Promise<void> {
      await run(place, ['read-tree', '--reset', revision])
    },
    /** The bytes that a checkout writes for this file (line endings and the like done; there are no filters to run). */
    async asCheckedOut(place: Place, { path, entry }: { path: TreePath; entry: Entry }): Promise<Buffer> {
      return (await run(place, ['cat-file', '--filters', `--path=${decoded(path)}`, entry.id])).stdout
    },
    async filesInLfs(place: Place): Promise<readonly TreePath[]> {
      return treePathsOf((await run(place, ['ls-files', '-z', '--', ':(attr:filter=lfs)'])).stdout)
    },
    /** A configuration file as data: nothing is included from elsewhere, nothing in it takes effect. Keys in lower case. */
    async configOf(place: Place, file: string): Promise<readonly Setting[]> {
      return itemsOf(await run(place, ['config', '--file', file, '--no-includes', '-z', '--list'])).map(settingOf)
    },
  }
}

const anyExit = Array.from({ length: 256 }, (_, exitCode) => exitCode)

type RunOptions = { readonly input?: Buffer; readonly accept?: readonly number[] }

async function local(
  settings: GitSettings,
  { signal, cookie }: { readonly signal: AbortSignal; readonly cookie: string },
  { place, args, input, accept = [0] }: RunOptions & { readonly place: Place; readonly args: readonly string[] },
): Promise<{ readonly stdout: Buffer; readonly exitCode: number }> {
  const env = gitEnvironment(settings, { cookie, protocol: 'none' })
  if (place.indexFile !== undefined) env['GIT_INDEX_FILE'] = place.indexFile
  const stdout: Buffer[] = []
  const closed: Promise<unknown>[] = []
  let exitCode = -1
  let stderr: readonly Buffer[] = []
  const { GitPluginError, simpleGit } = await import('simple-git') // not before the daemon listens
  await simpleGit({
    baseDir: settings.stateDirectory,
    config: [...localHardening],
    abort: signal,
    input: () => input,
    // Of each call in which one of them is false simple-git keeps something for good:
    // https://github.com/steveukx/git-js/blob/main/simple-git/src/lib/plugins/completion-detection.plugin.ts
    completion: { onClose: true, onExit: true },
    allowEnvironment: Object.keys(env).filter((name) => name.startsWith('GIT_')),
    unsafe: {
      // They name directories and files of ours: without --git-dir and the like git would look for others.
      allowUnsafeConfigPaths: true,
      // core.hooksPath=/dev/null and core.fsmonitor=false switch off what these guards are about.
      allowUnsafeHooksPath: true,
      allowUnsafeFsMonitor: true,
    },
    // simple-git takes a silent failure for a success; here the exit code alone decides.
    errors: (error, result) => {
      exitCode = result.exitCode
      stderr = result.stdErr
      return error instanceof GitPluginError ? error : undefined
    },
  })
    .env(env)
    .outputHandler((_command, output, errors) => {
      for (const stream of [output, errors]) closed.push(new Promise((resolve) => stream.once('close', resolve)))
      output.on('data', (chunk: Buffer) => stdout.push(chunk))
      // After a command that has said nothing, simple-git waits 50 ms for it to say something after all.
      queueMicrotask(() => output.emit('data', Buffer.alloc(0)))
    })
    .raw([
      `--git-dir=${place.gitDir}`,
      ...(place.workTree === undefined ? [] : [`--work-tree=${place.workTree}`]),
      ...args,
    ])
  // What comes after the exit may be the half of a list of files.
  await Promise.all(closed)
  const said = Buffer.concat(stderr).toString('utf8')
  if (!accept.includes(exitCode) || isShort(exitCode, said)) throw new GitCommandError(args[0] ?? '', exitCode, said)
  return { stdout: Buffer.concat(stdout), exitCode }
}
