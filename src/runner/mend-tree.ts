import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRevision } from '../model/revision.ts'
import type { Evidence } from './evidence.ts'
import type { Git } from './git.ts'
import { brokenLooseObjects } from './loose-objects.ts'
import { misplacedIn } from './misplaced.ts'
import { replaceFile } from './replace-file.ts'
import { exists, layOutMissing, noHead } from './repository-files.ts'

/** What was broken of an app's own repository, and where that is kept; null: what was broken is gone. */
export type Mended = { readonly parts: readonly string[]; readonly kept: string | null }

type Mending = {
  readonly gitDir: string
  readonly git: Git
  readonly keep: (part: string) => Promise<void>
  readonly madeAnew: (part: string) => void
}

/**
 * Takes out of an app's own repository what is broken, so that git can work in it again: all that is whole stays, for
 * nobody else has what was saved there. null: nothing is broken. By who runs the app alone.
 */
export async function mendTree(
  gitDir: string,
  { git, evidence }: { readonly git: Git; readonly evidence: Evidence },
): Promise<Mended | null> {
  const parts: string[] = []
  let kept: string | null = null
  const keep = async (part: string) => {
    kept = await evidence.keep(part)
    parts.push(part)
  }
  for (const mend of [mendKinds, mendHead, mendPackedRefs, mendLooseRefs, mendObjects, mendPacks, dropLostRefs]) {
    await mend({ gitDir, git, keep, madeAnew: (part) => parts.push(part) })
  }
  return parts.length === 0 ? null : { parts: [...new Set(parts)], kept }
}

/** A directory where a file belongs, or the other way round. What was kept aside as a whole is made anew, empty. */
async function mendKinds({ gitDir, keep }: Mending): Promise<void> {
  const parts = misplacedIn(gitDir)
  for (const part of parts) await keep(part)
  if (parts.length > 0) await layOutMissing(gitDir)
}

async function mendHead({ gitDir, keep, madeAnew }: Mending): Promise<void> {
  const text = await textOf(join(gitDir, 'HEAD'))
  if (text === noHead || parseRevision(text?.trim()) !== null) return
  if (text === null) madeAnew('HEAD')
  else await keep('HEAD')
  await replaceFile(join(gitDir, 'HEAD'), noHead)
}

/** https://git-scm.com/docs/gitrepository-layout: `ID NAME`, `^ID` for what a tag leads to, and a line of its traits. */
async function mendPackedRefs({ gitDir, keep }: Mending): Promise<void> {
  const lines = (await textOf(join(gitDir, 'packed-refs')))?.split(/(?<=\n)/) ?? []
  const whole = lines.filter((line) => /^(?:# pack-refs.*|\^?[0-9a-f]{40}(?: refs\/\S+)?)\n$/.test(line))
  if (whole.length === lines.length) return
  await keep('packed-refs')
  await replaceFile(join(gitDir, 'packed-refs'), whole.join(''))
}

async function mendLooseRefs({ gitDir, keep }: Mending): Promise<void> {
  for (const entry of await readdir(join(gitDir, 'refs'), { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (entry.isFile() && parseRevision((await textOf(file))?.trim()) === null)
      await keep(file.slice(gitDir.length + 1))
  }
}

async function mendObjects({ gitDir, keep }: Mending): Promise<void> {
  for (const part of await brokenLooseObjects(gitDir)) await keep(part)
}

/** The branches of a clone that was adopted come in packs. */
async function mendPacks({ gitDir, git, keep }: Mending): Promise<void> {
  for (const name of await readdir(join(gitDir, 'objects/pack'))) {
    if (!name.endsWith('.pack')) continue
    const part = join('objects/pack', name)
    if (await git.isPackWhole({ gitDir }, join(gitDir, part))) continue
    for (const half of [part, part.replace(/\.pack$/, '.idx')]) if (await exists(join(gitDir, half))) await keep(half)
  }
}

/** What leads to a commit that is not there stands in the way of every listing. */
async function dropLostRefs({ gitDir, git, keep }: Mending): Promise<void> {
  for (const name of await git.refNames({ gitDir })) {
    if ((await git.commitOf({ gitDir }, name)) !== null) continue
    if (await exists(join(gitDir, name))) await keep(name)
    else await git.deleteRef({ gitDir }, name)
  }
}

async function textOf(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null)
}
