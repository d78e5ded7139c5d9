import { copyFile, constants, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { allDone } from '../lib/all-done.ts'
import type { App } from '../model/deploy-map.ts'
import { branchOf } from '../model/ref.ts'
import type { Revision } from '../model/revision.ts'
import { configValue } from './git-environment.ts'
import type { GitRef } from './git-output.ts'
import { mirrorDirectory } from './mirror.ts'
import { moveAside } from './move-aside.ts'
import { readRegular } from './read-regular.ts'
import { replaceFile } from './replace-file.ts'
import { exists, layOutMissing } from './repository-files.ts'
import { gitFileText } from './standing.ts'
import { indexFile, type Tree } from './tree.ts'

export function viewDirectory(stateDirectory: string, app: string): string {
  return join(stateDirectory, 'views', `${app}.git`)
}

/**
 * Makes the repository that the steps see anew, by file writes alone: HEAD detached at the revision, a branch that is
 * deployed as `origin/<branch>`, the tags, a copy of the index, the mirror's objects. What a step writes into it ends here: the
 * daemon never runs git with it. It is made beside, and put in place by what is returned. It is not
 * synced to the disk: whoever deploys makes another.
 */
export async function makeView(
  app: App,
  tree: Tree,
  {
    stateDirectory,
    view,
    revision,
    ref,
    tags,
  }: {
    readonly stateDirectory: string
    /** Where it is made. */
    readonly view: string
    readonly revision: Revision
    /** What is deployed, in full. */
    readonly ref: string
    readonly tags: readonly GitRef[]
  },
): Promise<() => Promise<void>> {
  const making = `${view}.making`
  await mkdir(dirname(view), { recursive: true, mode: 0o700 })
  await rm(making, { recursive: true, force: true })
  await layOutMissing(making)
  const texts = {
    config: configText(app),
    HEAD: `${revision}\n`,
    [madeFor]: `${revision}\n`,
    'packed-refs': packedRefs({ revision, ref, tags }),
    'objects/info/alternates': `${join(mirrorDirectory(stateDirectory, app.repo), 'objects')}\n`,
  }
  const write = ([name, text]: readonly [string, string]) =>
    writeFile(join(making, name), text, { mode: 0o600, flag: 'wx' })
  const copy = copyFile(indexFile(tree), join(making, 'index'), constants.COPYFILE_FICLONE)
  await allDone([copy, allDone(Object.entries(texts).map(write))])
  return async () => {
    await rm(view, { recursive: true, force: true })
    await rename(making, view)
  }
}

/**
 * A view in which somebody has committed or stashed is kept, in `adopted/`, before the next one is made; the newest 20
 * of them. Says where, or null when nobody has.
 */
export async function keepUsedView(
  app: App,
  { stateDirectory, deployment }: { readonly stateDirectory: string; readonly deployment: number },
): Promise<string | null> {
  const view = viewDirectory(stateDirectory, app.name)
  if (!(await exists(view)) || !(await isUsed(view))) return null
  const adopted = join(stateDirectory, 'adopted')
  const kept = await moveAside(view, join(adopted, `${app.name}-${deployment}-view.git`))
  const pattern = new RegExp(`^${app.name}-(\\d+)-view(?:-\\d+)?\\.git$`)
  const numberOf = (name: string) => Number(pattern.exec(name)?.[1])
  const all = (await readdir(adopted)).filter((name) => pattern.test(name)).sort((a, b) => numberOf(b) - numberOf(a))
  for (const name of all.slice(20)) await rm(join(adopted, name), { recursive: true, force: true })
  return kept
}

/** Puts the `.git` file into the tree. Whatever else stood there has been moved away before. */
export async function writeGitFile(path: string, view: string): Promise<void> {
  const file = join(path, '.git')
  if ((await readRegular(file, 65_536)) !== Buffer.from(gitFileText(view)).toString('latin1'))
    await replaceFile(file, gitFileText(view), { mode: 0o644, beside: join(path, '.git.deployhook-new') })
}

async function isUsed(view: string): Promise<boolean> {
  const [head, made] = await Promise.all(['HEAD', madeFor].map((name) => readRegular(join(view, name), 1_000)))
  if (head !== made) return true
  const branches = await readdir(join(view, 'refs/heads')).catch(() => [])
  return branches.length > 0 || (await exists(join(view, 'refs/stash')))
}

/** In the view: what its HEAD was when it was made. */
const madeFor = 'deployhook-revision'

/** Without secrets: the URL holds none. Detached HEADs keep a reflog, so that a step's own commits can be found. */
function configText({ repo }: App): string {
  return `[core]
	repositoryformatversion = 0
	bare = false
	logallrefupdates = true
[remote "origin"]
	url = ${configValue(repo.url)}
	fetch = +refs/heads/*:refs/remotes/origin/*
`
}

/** https://git-scm.com/docs/gitrepository-layout and refs/packed-backend.c: a tag that leads to a commit names it after `^`. */
function packedRefs({ revision, ref, tags }: { revision: Revision; ref: string; tags: readonly GitRef[] }): string {
  const branch = branchOf(ref)
  const lines = tags.map(({ name, id, peeled }) => `${id} ${name}\n${peeled === null ? '' : `^${peeled}\n`}`)
  const own = branch === null ? [] : [`${revision} refs/remotes/origin/${branch}\n`]
  return ['# pack-refs with: peeled fully-peeled \n', ...own, ...lines].join('')
}
