import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Program } from '../support/programs.ts'
import { freePort } from './free-port.ts'
import { startProcess, type Process } from './process.ts'
import { secret } from './deployhook.ts'

type Options = { readonly dir: string; readonly command: string; readonly args?: readonly object[] }
type Started = Process & {
  readonly address: string
  /** Resolves when all its commands have ended: it answers before it starts them, and they would load the next side. */
  settled(): Promise<void>
}

/** The side of a benchmark that does without it where it is not to be had: then null. */
export async function startAdnanhIfThere(program: Program, options: Options): Promise<Started | null> {
  return 'missing' in program ? null : startAdnanhWebhook(program.path, options)
}

/**
 * adnanh/webhook with one hook, as its documentation sets up GitHub: the signature of the body and the branch are checked,
 * then the command runs, and nobody waits for it (https://github.com/adnanh/webhook/blob/master/docs/Hook-Examples.md).
 */
export async function startAdnanhWebhook(program: string, { dir, command, args = [] }: Options): Promise<Started> {
  await mkdir(dir, { recursive: true })
  const hooks = join(dir, 'hooks.json')
  const hook = {
    id: 'github',
    'execute-command': command,
    'pass-arguments-to-command': args,
    'trigger-rule': {
      and: [
        {
          match: {
            type: 'payload-hmac-sha256',
            secret,
            parameter: { source: 'header', name: 'X-Hub-Signature-256' },
          },
        },
        { match: { type: 'value', value: 'refs/heads/main', parameter: { source: 'payload', name: 'ref' } } },
      ],
    },
    'trigger-rule-mismatch-http-response-code': 401,
  }
  await writeFile(hooks, JSON.stringify([hook]))
  const port = await freePort()
  const argv = [program, '-hooks', hooks, '-ip', '127.0.0.1', '-port', String(port), '-verbose'] as const
  const process = await startProcess(argv, { isReady: /serving hooks on/ })
  const { pid } = process
  return { ...process, address: `http://127.0.0.1:${port}`, settled: () => childless(pid) }
}

async function childless(pid: number): Promise<void> {
  while ((await childrenOf(pid)).some((children) => children !== '')) await sleep(20)
}

/** Of each of its threads, of which one may have ended meanwhile: proc(5), `children`. */
async function childrenOf(pid: number): Promise<readonly string[]> {
  const threads = await readdir(`/proc/${pid}/task`)
  return Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')))
}
