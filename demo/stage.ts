import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { git } from './git.ts'

/** What the demo plays on: a folder with a bare repository, a clone of it, a secret and a deploy.yml. */
export type Stage = {
  readonly directory: string
  readonly bare: string
  readonly clone: string
  readonly secret: string
  readonly live: string
  readonly config: string
  readonly state: string
  readonly socket: string
  /** Commits the files in the clone and pushes them to main. */
  push(
    message: string,
    files: Readonly<Record<string, string>>,
  ): Promise<{ readonly before: string; readonly after: string }>
}

export const repository = 'acme/blog'

export async function createStage(): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'deployhook-demo-'))
  const path = (...parts: readonly string[]): string => join(directory, ...parts)
  const [bare, clone, live] = [path('git', 'blog.git'), path('clone'), path('srv', 'blog')]
  const secret = 'only-for-this-demo-0123456789abcdef'

  await git(directory, 'init', '-q', '--bare', '-b', 'main', bare)
  await git(directory, 'clone', '-q', bare, clone)
  await writeFile(path('github.secret'), `${secret}\n`, { mode: 0o600 })
  await writeFile(path('deploy.yml'), deployYml({ bare, live, secretFile: path('github.secret') }), { mode: 0o644 })

  return {
    directory,
    bare,
    clone,
    secret,
    live,
    config: path('deploy.yml'),
    state: path('state'),
    socket: path('control.sock'),
    async push(message, files) {
      const before = await git(clone, 'rev-parse', '--verify', '-q', 'refs/remotes/origin/main').catch(() =>
        '0'.repeat(40),
      )
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(clone, name)), { recursive: true })
        await writeFile(join(clone, name), text)
      }
      await git(clone, 'add', '-A')
      await git(clone, 'commit', '-q', '-m', message)
      await git(clone, 'push', '-q', 'origin', 'HEAD:refs/heads/main')
      return { before, after: await git(clone, 'rev-parse', 'HEAD') }
    },
  }
}

/** From now on a `git push` to the bare repository is followed by its delivery, as at a real git host. */
export async function deliverByItself(stage: Stage, address: string): Promise<void> {
  const deliver = fileURLToPath(new URL('./deliver.ts', import.meta.url))
  const hook = `#!/bin/sh\nexec '${process.execPath}' '${deliver}' '${address}' '${stage.directory}/github.secret'\n`
  await writeFile(join(stage.bare, 'hooks', 'post-receive'), hook, { mode: 0o755 })
}

/** The site that the demo deploys: pages and the build that turns them into HTML, telling what it does as it goes. */
export function site(greeting: string): Readonly<Record<string, string>> {
  return {
    'pages/index.txt': `${greeting}\n`,
    'pages/about.txt': 'Made from a push, by deployhook.\n',
    'build.sh': [
      'mkdir -p public',
      'for page in pages/*.txt; do',
      '  name=$(basename "$page" .txt)',
      '  sleep 0.15 # so that there is something to watch',
      '  { echo "<h1>$name</h1><p>"; cat "$page"; echo "</p><!-- $DEPLOYHOOK_REVISION -->"; } > "public/$name.html"',
      '  echo "built public/$name.html"',
      'done',
      '',
    ].join('\n'),
    '.gitignore': 'public/\n',
  }
}

function deployYml({ bare, live, secretFile }: { bare: string; live: string; secretFile: string }): string {
  return `webhooks:
  github: # POST /hooks/github
    secret: { file: ${secretFile} }

apps:
  blog:
    repo: ${bare}
    aliases: [github.com/${repository}] # what the deliveries call it
    path: ${live}
    steps:
      - name: build
        run: sh -eu build.sh
      - name: check
        run: |
          grep -q "$DEPLOYHOOK_REVISION" public/index.html
          echo "public/ is of $(git describe --always), $(ls public | wc -l) pages"

defaults:
  catch_up: off # else the start might find the first push before its delivery comes, and there were nothing left to see

server:
  allow_root_steps: true # the demo may be run as root; your server should not be
`
}
