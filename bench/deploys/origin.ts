import { execa } from 'execa'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** A bare repository on this machine whose history is made already; a push moves its branch `main` on. */
export type Origin = {
  readonly path: string
  /** As deploy.yml and `git clone` take it: git's own protocol is spoken, nothing is linked. */
  readonly url: string
  /** What `main` may be moved to, oldest first. */
  readonly pushes: readonly string[]
  moveTo(revision: string): Promise<void>
}

export type OriginOptions = {
  readonly path: string
  readonly files: number
  /** Commits before the first push, each of one changed file. */
  readonly history?: number
  readonly pushes: number
  readonly changedPerPush?: number
}

/** Made in a second or two, also with 50,000 files: https://git-scm.com/docs/git-fast-import */
export async function createOrigin({
  path,
  files,
  history = 0,
  pushes,
  changedPerPush = 1,
}: OriginOptions): Promise<Origin> {
  await git('init', '--quiet', '--bare', '--initial-branch=main', path)
  const git_ = spawn('git', [`--git-dir=${path}`, 'fast-import', '--quiet'], { stdio: ['pipe', 'inherit', 'inherit'] })
  const ended = once(git_, 'exit')
  const commits = [
    range(files).map((file) => change(file, 0)),
    ...range(history).map((at) => [change(at % files, at + 1)]),
    ...range(pushes).map((at) =>
      // Spread over all directories, and others each time.
      range(changedPerPush).map((nth) =>
        change((at * 7 + Math.floor((nth * files) / changedPerPush)) % files, -at - 1),
      ),
    ),
  ]
  for (const [at, changes] of commits.entries()) {
    const message = `Change ${at}\n`
    const head = `commit refs/heads/main\nmark :${at + 1}\ncommitter Ada <ada@acme.example> ${1_760_000_000 + at} +0000\ndata ${message.length}\n${message}`
    if (!git_.stdin.write(head + changes.join('') + '\n')) await once(git_.stdin, 'drain')
  }
  git_.stdin.end()
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`git fast-import ended with ${code ?? 'a signal'}`)

  const all = (await git(`--git-dir=${path}`, 'rev-list', '--reverse', 'main')).split('\n')
  const moveTo = async (revision: string) => {
    await git(`--git-dir=${path}`, 'update-ref', 'refs/heads/main', revision)
  }
  const before = all.at(-pushes - 1)
  if (before !== undefined) await moveTo(before)
  return { path, url: `file://${path}`, pushes: all.slice(-pushes), moveTo }
}

/** Where the file lies: 100 in each directory. */
export function filePath(file: number): string {
  return join('src', `part-${Math.floor(file / 100)}`, `file-${file % 100}.txt`)
}

function change(file: number, version: number): string {
  const text = `This is file ${file}, as of version ${version}.\n${`A line of file ${file}.\n`.repeat(20)}`
  return `M 100644 inline ${filePath(file)}\ndata ${text.length}\n${text}\n`
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at)
}

async function git(...args: readonly string[]): Promise<string> {
  return (await execa('git', args, { stdin: 'ignore' })).stdout
}
