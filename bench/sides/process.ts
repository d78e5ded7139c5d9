import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export type Process = AsyncDisposable & { readonly pid: number }

/** Starts a program and waits until it says, in a line that matches, that it is ready. Its output is read to the end. */
export async function startProcess(
  argv: readonly [string, ...string[]],
  { isReady, cwd }: { readonly isReady: RegExp; readonly cwd?: string },
): Promise<Process & { readonly said: string }> {
  const [file, ...args] = argv
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) })
  const said = await new Promise<string>((resolve, reject) => {
    const lines: string[] = []
    for (const stream of [child.stdout, child.stderr]) {
      const reader = createInterface(stream).on('line', (line) => {
        lines.push(line)
        if (!isReady.test(line)) return
        resolve(line)
        reader.close()
        stream.resume()
      })
    }
    child.once('error', reject)
    child.once('exit', (code) => {
      reject(new Error(`${file} ended with ${code ?? '?'}: ${lines.join('\n')}`))
    })
  })
  return { pid: child.pid ?? 0, said, [Symbol.asyncDispose]: () => endOf(child) }
}

/** SIGKILL, and waits until it is gone. */
async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
