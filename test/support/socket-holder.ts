/**
 * What systemd does for deployhook.socket: opens a socket (`HOLD`: a path; empty: any port), never accepts on it, and
 * starts the daemon with it, again each time that a signal has ended it. Says each one's pid.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const asSystemd = 'echo "{\\"pid\\":$$}"; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'

const server = createServer()
const path = process.env['HOLD']
server.listen(path ? { path } : { host: '127.0.0.1', port: 0 })
await once(server, 'listening')
const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle
const command = ['-c', asSystemd, 'sh', process.execPath, main, ...process.argv.slice(2)]

// Each blocks this process until the daemon has ended, so nobody but the daemon accepts.
let ended = start()
while (ended.signal !== null) ended = start()
process.exit(ended.status)

function start() {
  return spawnSync('/bin/sh', command, { stdio: ['ignore', 'inherit', 'inherit', fd] })
}
