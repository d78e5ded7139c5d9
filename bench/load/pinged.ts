import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const ping = fileURLToPath(new URL('./ping.ts', import.meta.url))

/** Does the work while another process asks `/healthz` again and again: what each answer took, in milliseconds. */
export async function pinged<T>(
  address: string,
  work: () => Promise<T>,
  { everyMs = 5 }: { readonly everyMs?: number } = {},
): Promise<{ readonly answer: T; readonly pingsMs: readonly number[] }> {
  const child = spawn(process.execPath, [ping, address, String(everyMs)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  const begun = once(child.stdout, 'data')
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await begun
  try {
    const answer = await work()
    const ended = once(child, 'close')
    child.kill('SIGTERM')
    const [code] = (await ended) as [number | null]
    const pingsMs = said.trim().split('\n').slice(1).map(Number)
    if (code !== 0 || pingsMs.length === 0) throw new Error(`the pinger failed (${code ?? '?'})`)
    return { answer, pingsMs }
  } finally {
    child.kill('SIGKILL')
  }
}
