import { execa } from 'execa'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Stage } from './stage.ts'

export type DemoDaemon = {
  readonly address: string
  readonly pid: number
  /** SIGTERM, and wait. Resolves with the exit code. */
  stop(): Promise<number | undefined>
}

/** Starts the real daemon as an operator would, on a free port of loopback; fails with what it said if it cannot start. */
export async function startDaemon(stage: Stage): Promise<DemoDaemon> {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
  const daemon = execa(
    process.execPath,
    [
      main,
      'serve',
      '--config',
      stage.config,
      '--state',
      stage.state,
      '--listen',
      '127.0.0.1:0',
      '--socket',
      stage.socket,
    ],
    { reject: false, stdin: 'ignore', buffer: { stdout: false }, detached: true, cleanup: false },
  )
  const address = new Promise<string>((resolve, reject) => {
    createInterface({ input: daemon.stdout }).on('line', (line) => {
      const { msg, address } = JSON.parse(line) as { msg?: string; address?: string }
      if (msg === 'listening' && address !== undefined) resolve(address)
    })
    void daemon.then(({ exitCode, stderr }) => {
      reject(new Error(`the daemon ended with exit code ${exitCode ?? '?'}: ${stderr}`))
    })
  })
  return {
    address: await address,
    pid: daemon.pid ?? 0,
    async stop() {
      daemon.kill('SIGTERM')
      return (await daemon).exitCode
    },
  }
}
