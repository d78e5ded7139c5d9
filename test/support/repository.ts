import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { git as gitIn } from '../../demo/git.ts'

export type Pushed = { readonly ref: string; readonly before: string; readonly after: string; readonly message: string }

/** A bare repository and a clone to push to it from. */
export type Repository = {
  readonly bare: string
  readonly clone: string
  /** Commits these files on the branch and pushes. */
  push(
    files: Readonly<Record<string, string>>,
    options?: { branch?: string; force?: boolean; message?: string },
  ): Promise<Pushed>
  git(...args: readonly string[]): Promise<string>
}

export async function createRepository(bare: string, clone: string): Promise<Repository> {
  await mkdir(dirname(bare), { recursive: true })
  await gitIn(dirname(bare), 'init', '-q', '--bare', '-b', 'main', bare)
  await gitIn(dirname(bare), 'clone', '-q', bare, clone)
  const git = (...args: readonly string[]): Promise<string> => gitIn(clone, ...args)

  return {
    bare,
    clone,
    git,
    async push(files, { branch = 'main', force = false, message = `Change ${Object.keys(files).join(', ')}` } = {}) {
      const known = await git('branch', '--list', branch)
      await git('checkout', '-q', ...(known === '' ? ['-b', branch] : [branch]), '--').catch(() => undefined)
      const before = await git('rev-parse', '--verify', '-q', `refs/remotes/origin/${branch}`).catch(() =>
        '0'.repeat(40),
      )
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(clone, name)), { recursive: true })
        await writeFile(join(clone, name), text)
      }
      await git('add', '-A')
      await git('commit', '-q', '--allow-empty', '-m', message)
      await git('push', '-q', ...(force ? ['--force'] : []), 'origin', `HEAD:refs/heads/${branch}`)
      return { ref: `refs/heads/${branch}`, before, after: await git('rev-parse', 'HEAD'), message }
    },
  }
}
