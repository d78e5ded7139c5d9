import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { App } from '../model/deploy-map.ts'
import { systemPath } from '../runner/environment.ts'
import { createRunCommand } from '../runner/exec.ts'
import { createWorkspace } from '../runner/git-workspace.ts'
import { networkEnvOf } from '../runner/host-env.ts'
import type { CliIo } from './io.ts'

/** What the repository of an app answers to this user: its branches by their short names, or why it does not, with the cure. */
export type GitAccess =
  | { readonly kind: 'branches'; readonly branches: readonly string[] }
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string }

/** Asks as the daemon's catch-up does: the same git, the same environment, with the key or token of deploy.yml. */
export async function askRepository(app: App, { env, clock, onInterrupt }: CliIo): Promise<GitAccess> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'deployhook-git-'))
  const ending = new AbortController()
  const forget = onInterrupt(() => {
    ending.abort('interrupted')
  })
  try {
    const workspace = createWorkspace({
      ...{ stateDirectory, clock, failPoint: () => undefined, log: { warn: () => undefined } },
      run: createRunCommand({ directory: join(stateDirectory, 'work') }),
      path: env['PATH'] ?? systemPath,
      networkEnv: networkEnvOf(env),
      localPaths: () => localPathOf(app),
    })
    const listed = await workspace.listRefs(app, {
      ...{ signal: ending.signal, cookie: `init.${process.pid}`, timeoutMs: 30_000 },
      wants: (ref) => ref.startsWith(heads),
    })
    if (listed.kind === 'stopped')
      return { kind: 'failed', reason: 'interrupted', message: 'It was not asked to the end.' }
    if (listed.kind === 'failed') return listed
    return { kind: 'branches', branches: [...listed.tips.keys()].map((ref) => ref.slice(heads.length)) }
  } finally {
    forget()
    await rm(stateDirectory, { recursive: true, force: true })
  }
}

const heads = 'refs/heads/'

function localPathOf({ repo: { protocol, url } }: App): readonly string[] {
  if (protocol !== 'file') return []
  return [url.startsWith('/') ? url : fileURLToPath(url)]
}
