import { describe, expect, it } from 'vitest'
import { aDeployment, events, hostile, json, refuse, run, startDaemon, type Answer } from './world.ts'

const kept = [
  '2026-11-24T11:57:31.000Z - fetching main',
  '2026-11-24T11:57:32.000Z 1 grün\tok',
  `2026-11-24T11:57:33.000Z 1 ${hostile} » all is live`,
  'cut off by a crash',
].join('\n')

function text(body: Buffer | string): Answer {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    // One byte at a time at the start, so that characters are cut in two.
    for (const byte of Buffer.from(body).subarray(0, 200)) response.write(Buffer.from([byte]))
    response.end(Buffer.from(body).subarray(200))
  }
}

describe('logs', () => {
  it('prints the log of a deployment, what the daemon says apart from what steps print', async () => {
    const daemon = await startDaemon({ 'GET /api/deployments/12/log': text(kept) })
    const { code, out } = await run(['logs', '12', '--socket', daemon.socket])
    expect(code).toBe(0)
    const lines = out.split('\n')
    expect(lines.slice(0, 2)).toEqual(['11:57:31 » fetching main', '11:57:32   grün\tok'])
    expect(lines.at(-2)).toBe('           cut off by a crash')
    expect(lines.slice(2).every((line) => line === '' || /^(\d\d:\d\d:\d\d|\s{8}) {3}/.test(line))).toBe(true)
    expect(out).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/)
  })

  it('prints the log of the newest deployment of an app', async () => {
    const daemon = await startDaemon({
      'GET /api/deployments': json({ deployments: [aDeployment()], next: 11 }),
      'GET /api/deployments/12/log': text('2026-11-24T11:57:31.000Z - hello\n'),
    })
    expect(await run(['logs', 'blog', '--socket', daemon.socket])).toEqual({
      code: 0,
      out: '11:57:31 » hello\n',
      err: '',
    })
    expect(daemon.asked[0]?.url).toBe('/api/deployments?app=blog&limit=1')
  })

  it('exits 1 when the app has no deployment', async () => {
    const daemon = await startDaemon({ 'GET /api/deployments': json({ deployments: [], next: null }) })
    const { code, err } = await run(['logs', 'blog', '--socket', daemon.socket])
    expect(code).toBe(1)
    expect(err).toContain('blog has no deployment yet')
  })

  it('exits 1 when there is no such deployment', async () => {
    const daemon = await startDaemon({
      'GET /api/deployments/99/log': refuse(404, { code: 'x', message: 'There is no deployment with this id.' }),
    })
    for (const argv of [
      ['logs', '99'],
      ['logs', '-f', '99'],
    ]) {
      expect(await run([...argv, '--socket', daemon.socket])).toEqual({
        code: 1,
        out: '',
        err: 'deployhook: There is no deployment with this id.\n',
      })
    }
  })

  it('prints the bytes as they are with --raw into a pipe', async () => {
    const daemon = await startDaemon({ 'GET /api/deployments/12/log': text(kept) })
    expect((await run(['logs', '12', '--raw', '--socket', daemon.socket])).out).toBe(kept)
  })

  it('refuses --raw on a terminal', async () => {
    const { code, out, err } = await run(['logs', '12', '--raw', '--socket', '/nowhere'], { isTTY: true })
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('could take over your terminal')
  })

  it('follows with -f to the end, and exits 0 also when the deployment failed', async () => {
    const line = { at: '2026-11-24T11:57:32.000Z', step: 'npm ci', stream: 'output', text: '\u001b[32mok\u001b[0m' }
    const daemon = await startDaemon({
      'GET /api/deployments/12/log': events([{ event: 'line', id: 7, data: line }, { event: 'end' }]),
      'GET /api/deployments/12': json(aDeployment({ outcome: 'failed', message: 'exit code 1' })),
    })
    expect(await run(['logs', '-f', '12', '--socket', daemon.socket])).toEqual({
      code: 0,
      out: '11:57:32   ok\n',
      err: 'deployment 12 of blog failed: exit code 1\nsee: deployhook explain 12\n',
    })
    expect((await run(['logs', '-f', '12', '--raw', '--socket', daemon.socket])).out).toBe('\u001b[32mok\u001b[0m\n')
  })

  it('prints a log of many megabytes without holding it', async () => {
    const line = `2026-11-24T11:57:32.000Z 1 ${'x'.repeat(1000)}\n`
    const daemon = await startDaemon({ 'GET /api/deployments/12/log': text(line.repeat(20_000)) })
    let length = 0
    const { code } = await run(['logs', '12', '--socket', daemon.socket], {
      stdout: {
        write(chunk, written) {
          length += chunk.length
          setImmediate(written)
        },
      },
    })
    expect(code).toBe(0)
    expect(length).toBe(20_000 * ('11:57:32   '.length + 1001))
  })
})
