import { StringDecoder } from 'node:string_decoder'
import type { App } from '../model/deploy-map.ts'
import { isRefName } from '../model/ref.ts'
import { parseRevision, type Revision } from '../model/revision.ts'
import { openAccess } from './access.ts'
import { gitEnvironment } from './git-environment.ts'
import type { Command } from './command.ts'
import { failureOf } from './git-failure.ts'
import { whereOf, type MirrorDeps } from './mirror.ts'
import { remoteCommand } from './remote-commands.ts'
import { askRemote } from './remote.ts'
import type { ListContext, Listed } from './workspace.ts'

/**
 * Asks a remote for the branches and tags that it has, without a repository on this side: no configuration of anybody's
 * is read. A tag is told by the commit that it leads to.
 */
export async function listRefs(app: App, context: ListContext, deps: Omit<MirrorDeps, 'failPoint'>): Promise<Listed> {
  const { settings, run, networkEnv, idleMs } = deps
  const { stateDirectory } = settings
  const access = await openAccess(app, stateDirectory)
  if (access.kind === 'failed') return access

  const env = {
    ...networkEnv,
    ...gitEnvironment(settings, { cookie: context.cookie, protocol: app.repo.protocol }),
    ...access.env,
  }
  const lines = createLines(maxLineBytes)
  const limit = new AbortController()
  const timer = setTimeout(() => {
    limit.abort('timed_out')
  }, context.timeoutMs)
  const tips = new Map<string, Revision>()
  try {
    const asked = await askRemote(
      (command, options) =>
        run(command, {
          ...options,
          onOutput(chunk) {
            for (const line of lines.of(chunk)) take(line)
            return options.onOutput(chunk)
          },
        }),
      { argv: listRefsCommand(app.repo.url), cwd: stateDirectory, env },
      { signal: AbortSignal.any([context.signal, limit.signal]), idleMs: Math.min(idleMs, context.timeoutMs) },
    )
    if (asked.kind === 'answered' && asked.exitCode === 0) return { kind: 'refs', tips }
    if (asked.kind === 'answered')
      return failureOf('Asking for the refs', asked.output, { repo: app.repo, ...whereOf(app, stateDirectory) })
    if (context.signal.aborted) return { kind: 'stopped', why: 'interrupted' }
    const message = `Asking for the refs of ${app.repo.url} was given up: no whole answer came within ${Math.round(context.timeoutMs / 1000)} s.`
    return { kind: 'failed', reason: 'too_slow', message }
  } finally {
    clearTimeout(timer)
    await access.close()
  }

  function take(line: string): void {
    const [, id, name = '', peeled] = /^([0-9a-f]+)\t(refs\/[^^]+)(\^\{\})?$/.exec(line) ?? []
    const tip = parseRevision(id)
    if (tip === null || !isRefName(name) || !context.wants(name)) return
    // What an annotated tag leads to comes on the line after it, as `refs/tags/v1^{}`.
    if (peeled !== undefined || !tips.has(name)) tips.set(name, tip)
  }
}

/**
 * Asks a remote for all its branches and tags. The directory named is no repository on purpose: in one, also in one
 * that the state directory happens to lie in, git would obey its `url.*.insteadOf`.
 */
function listRefsCommand(url: string): Command['argv'] {
  return remoteCommand({ gitDir: '/dev/null' }, [
    'ls-remote',
    '--heads',
    '--tags',
    '--quiet',
    '--upload-pack=git-upload-pack',
    '--end-of-options',
    url,
  ])
}

/** A ref name has at most 1,024 bytes here, an id 64; what is longer is no line of ours. */
const maxLineBytes = 2048

/** Whole lines out of chunks; what grows longer than the limit is cut off rather than kept. */
function createLines(limit: number): { of(chunk: Buffer): readonly string[] } {
  // A name may hold a character of several bytes, and a chunk may end in its midst.
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return {
    of(chunk) {
      const parts = (rest + decoder.write(chunk)).split('\n')
      rest = (parts.pop() ?? '').slice(0, limit)
      return parts
    },
  }
}
