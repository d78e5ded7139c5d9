import { fileURLToPath } from 'node:url'
import { startProcess, type Process } from './process.ts'

/** What Fastify alone costs: the same body read as a buffer, 200, nothing else. */
export async function startBareFastify(): Promise<Process & { readonly address: string }> {
  const { said, ...process } = await startProcess([globalThis.process.execPath, bareFastify], { isReady: /^http/ })
  return { ...process, address: said }
}

export const bareFastify = fileURLToPath(new URL('./bare-fastify-server.js', import.meta.url))
