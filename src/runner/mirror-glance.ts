import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseRevision, type Revision } from '../model/revision.ts'
import { hasCommitInPacks } from './commit-in-packs.ts'
import { readRegular } from './read-regular.ts'
import { replaceFile } from './replace-file.ts'
import { exists, noHead } from './repository-files.ts'

/*
 * What a mirror's files tell at a glance, where all is as our own fetches leave it. To start a git for each of these
 * takes longer than the rest of a small deployment. Whatever is not as usual is git's to judge.
 * The files: https://git-scm.com/docs/gitrepository-layout
 */

/** The commit that a ref of ours leads to; null: git has to be asked. */
export async function tipAtAGlance(mirror: string, ref: string): Promise<Revision | null> {
  const id = await refIn(mirror, ref)
  return id !== null && (await hasCommitAtAGlance(mirror, id)) ? id : null
}

/** Whether it surely has this commit; false: git has to be asked. */
export async function hasCommitAtAGlance(mirror: string, id: Revision): Promise<boolean> {
  return (await isAsUsual(mirror)) && (await hasCommitInPacks(mirror, id).catch(() => false))
}

/** Deletes the ref of an earlier fetch and sets others, each as git does it; false: nothing was done, git has to. */
export async function changeRefsAtAGlance(
  mirror: string,
  { drop, set }: { readonly drop: string; readonly set: readonly { readonly ref: string; readonly to: Revision }[] },
): Promise<boolean> {
  if (!(await isAsUsual(mirror)) || (await refIn(mirror, drop)) === null) return false
  for (const { ref, to } of set) {
    if ((await refIn(mirror, ref)) === to) continue
    const file = join(mirror, ref)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await replaceFile(file, `${to}\n`, { beside: `${file}.lock` })
  }
  await rm(join(mirror, drop), { force: true })
  return true
}

/** Ours are never packed, unless somebody runs `git gc` here. */
async function isAsUsual(mirror: string): Promise<boolean> {
  const head = await readRegular(join(mirror, 'HEAD'), 1_000)
  return head === noHead && !(await exists(join(mirror, 'packed-refs')))
}

async function refIn(mirror: string, ref: string): Promise<Revision | null> {
  const text = await readRegular(join(mirror, ref), 1_000)
  return text.endsWith('\n') ? parseRevision(text.slice(0, -1)) : null
}
