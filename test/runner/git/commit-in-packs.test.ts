import { execa } from 'execa'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseRevision, type Revision } from '../../../src/model/revision.ts'
import { hasCommitInPacks } from '../../../src/runner/commit-in-packs.ts'
import { createRepository } from '../../support/repository.ts'
import { temporaryFolder } from '../running.ts'

describe('whether a pack holds a commit', () => {
  it('is true of each commit that git has packed, and of nothing else', async () => {
    const { bare, ids } = await packed()
    expect(ids.commits.length).toBe(3)
    for (const commit of ids.commits) expect(await hasCommitInPacks(bare, commit)).toBe(true)
    for (const other of ids.others) expect(await hasCommitInPacks(bare, other)).toBe(false)
    for (const absent of ['0'.repeat(39) + '1', 'f'.repeat(40)])
      expect(await hasCommitInPacks(bare, revision(absent))).toBe(false)
  })

  it.each([
    ['an index that is cut off', '.idx', (bytes: Buffer) => bytes.subarray(0, 1_100)],
    ['an empty index', '.idx', () => Buffer.alloc(0)],
    ['a pack that lacks its last byte', '.pack', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['an empty pack', '.pack', () => Buffer.alloc(0)],
    ['a pack of other bytes', '.pack', (bytes: Buffer) => Buffer.alloc(bytes.length, 0x55)],
  ])('is not told by %s', async (_, kind, damage) => {
    const { bare, ids } = await packed()
    const packs = join(bare, 'objects/pack')
    for (const name of (await readdir(packs)).filter((each) => each.endsWith(kind)))
      await writeFile(join(packs, name), damage(await readFile(join(packs, name))))
    for (const commit of ids.commits) expect(await hasCommitInPacks(bare, commit)).toBe(false)
  })
})

async function packed() {
  const folder = temporaryFolder()
  const repository = await createRepository(join(folder, 'bare.git'), join(folder, 'clone'))
  for (const text of ['1', '2', '3']) await repository.push({ 'a.txt': text })
  const { bare } = repository
  const git = async (...args: readonly string[]) => (await execa('git', ['-C', bare, ...args])).stdout.split('\n')
  await git('repack', '-a', '-d', '-q', '--no-write-bitmap-index')
  for (const name of await readdir(join(bare, 'objects/pack')))
    await execa('chmod', ['u+w', join(bare, 'objects/pack', name)])
  const all = await git('rev-list', '--objects', '--no-object-names', '--all')
  const commits = await git('rev-list', '--all')
  return {
    bare,
    ids: { commits: commits.map(revision), others: all.filter((id) => !commits.includes(id)).map(revision) },
  }
}

function revision(id: string): Revision {
  const found = parseRevision(id)
  if (found === null) throw new Error(`${id} is no id`)
  return found
}
