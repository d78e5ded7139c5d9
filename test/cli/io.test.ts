import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { aDeployment, json, startDaemon } from './world.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const running = aDeployment({ id: 13, state: 'running', outcome: null, finishedAt: null })

/** A daemon whose deployment never ends. */
function endless(): ReturnType<typeof startDaemon> {
  return startDaemon({
    'POST /api/apps/blog/deploy': json({ deployment: running }, 202),
    'GET /api/deployments/13/log': (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`event: state\ndata: ${JSON.stringify({ deployment: running })}\n\n`)
      const line = { at: '2026-11-24T11:59:52.200Z', step: 'x', stream: 'output', text: 'on and on' }
      const timer = setInterval(() => response.write(`id: 1\nevent: line\ndata: ${JSON.stringify(line)}\n\n`), 20)
      response.once('close', () => {
        clearInterval(timer)
      })
    },
  })
}

describe('the real process', () => {
  it('stops following at Ctrl-C, with exit code 130', async () => {
    const daemon = await endless()
    const child = spawn(process.execPath, [main, 'deploy', 'blog', '--socket', daemon.socket], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let err = ''
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    expect(await once(child, 'close')).toEqual([130, null])
    expect(err).toContain('deployment 13 goes on without you')
  })

  it('stops following when nobody reads any more', async () => {
    const daemon = await endless()
    const child = spawn(process.execPath, [main, 'logs', '-f', '13', '--socket', daemon.socket], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})
