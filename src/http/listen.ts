import { once } from 'node:events'
import { readFileSync, readlinkSync } from 'node:fs'
import { chmod, lstat, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect, isIPv6 } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { errorCode } from '../lib/error-code.ts'
import type { Listen } from '../model/deploy-map.ts'

/** Somebody answers already on the socket, or something else lies at its path. */
export class SocketTaken extends Error {
  override readonly name = 'SocketTaken'
  readonly code = 'EADDRINUSE'
}

/** Where to listen; `inherited`: on a descriptor that systemd opened, TCP or Unix, and that outlives this process. */
export type ListenWhere = Listen | { readonly kind: 'inherited'; readonly fd: number }

/** Resolves when connections are taken. A socket gets `mode`; one left behind by a dead process is replaced. */
export async function listen(server: Server, where: ListenWhere, { mode }: { readonly mode: number }): Promise<void> {
  if (where.kind !== 'unix') {
    server.listen(where.kind === 'tcp' ? { host: where.host, port: where.port } : { fd: where.fd })
    await once(server, 'listening')
    return
  }
  await removeStale(where.path)
  // Bound within the call, so that nobody finds it open wider than `mode` for an instant.
  const umask = process.umask(0o777 & ~mode)
  try {
    server.listen({ path: where.path })
  } finally {
    process.umask(umask)
  }
  await once(server, 'listening')
  await chmod(where.path, mode)
}

/** Where a listening server has come to be: with the port that the system chose, or that systemd was told. */
export function boundTo(server: Server, where: ListenWhere): Listen {
  const bound = server.address() ?? (where.kind === 'inherited' ? pathOf(where.fd) : null)
  if (bound === null) throw new Error('it does not listen')
  if (typeof bound === 'string') return { kind: 'unix', path: bound }
  return { kind: 'tcp', host: bound.address, port: bound.port }
}

/** `http://127.0.0.1:9000`, or `unix:/path`. The port is null for a socket. */
export function addressOf(bound: Listen): { readonly address: string; readonly port: number | null } {
  if (bound.kind === 'unix') return { address: `unix:${bound.path}`, port: null }
  const host = isIPv6(bound.host) ? `[${bound.host}]` : bound.host
  return { address: `http://${host}:${bound.port}`, port: bound.port }
}

/** Node knows the path of a Unix socket only if it bound it; /proc/net/unix lists all by their inode (proc(5)). */
function pathOf(fd: number): string | null {
  const inode = /\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[0]
  const rows = readFileSync('/proc/net/unix', 'utf8').split('\n')
  const row = rows.map((line) => line.trim().split(/\s+/)).find((columns) => columns[6] === inode)
  return row?.slice(7).join(' ') ?? null
}

/** Lets go of a closing server's connections: the idle ones at once, the others after the grace. */
export async function letGo(server: Server, closed: Promise<unknown>, graceMs: number): Promise<void> {
  const over = new AbortController()
  const sweep = setInterval(() => {
    server.closeIdleConnections()
  }, 20)
  const grace = wait(graceMs, undefined, { signal: over.signal }).then(
    () => {
      server.closeAllConnections()
    },
    () => undefined,
  )
  try {
    await closed
  } finally {
    clearInterval(sweep)
    over.abort()
    await grace
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(whenMissing)
  if (found === null) return
  if (!found.isSocket()) throw new SocketTaken(`${path} is not a socket: move it away, or name another path`)
  if (await isAnswered(path)) throw new SocketTaken(`another process answers on ${path}: stop it, or name another path`)
  await unlink(path).catch(whenMissing)
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    if (errorCode(error) === 'ECONNREFUSED' || errorCode(error) === 'ENOENT') return false
    throw error
  } finally {
    socket.destroy()
  }
}

function whenMissing(error: unknown): null {
  if (errorCode(error) === 'ENOENT') return null
  throw error
}
