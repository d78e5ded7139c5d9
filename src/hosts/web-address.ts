import type { WebAddress } from './git-host.ts'

/**
 * Where a repository is on its host's web pages, by the first of its names that tells: clone URLs (https, ssh,
 * `user@host:path`) or `host/path`. A name without a dot is an alias of somebody's ssh configuration; null: none tells.
 */
export function webAddressOf(names: readonly string[]): WebAddress | null {
  for (const name of names) {
    const address = addressOf(name)
    if (address !== null) return address
  }
  return null
}

function addressOf(name: string): WebAddress | null {
  if (name.startsWith('/') || name.startsWith('file:')) return null
  const url = URL.parse(name)
  if (url !== null && /^(?:https?|ssh):$/.test(url.protocol)) {
    // The port of ssh says nothing of that of the pages.
    return address(url.protocol === 'ssh:' ? url.hostname : url.host, url.pathname)
  }
  const [, host = '', path = ''] = /^(?:[^@/\s]+@)?([^:/\s]+)(?::(?!\d+\/)|(?=:\d+\/)|\/)(.+)$/.exec(name) ?? []
  const [, port, below] = /^:(\d+)\/(.+)$/.exec(path) ?? []
  return port === undefined || below === undefined ? address(host, path) : address(`${host}:${port}`, below)
}

function address(host: string, path: string): WebAddress | null {
  const name = sshHosts.get(host.toLowerCase()) ?? host.toLowerCase()
  const tidy = path
    .replace(/\/{2,}/g, '/')
    .replace(/^\/|\/$/g, '')
    .replace(/\.git$/i, '')
  const isHost = name.includes('.') || /^localhost(?::\d+)?$/.test(name)
  return isHost && tidy !== '' ? { host: name, path: tidy } : null
}

/** Where the large hosts take ssh on the port of https. */
const sshHosts: ReadonlyMap<string, string> = new Map([
  ['ssh.github.com', 'github.com'],
  ['altssh.gitlab.com', 'gitlab.com'],
  ['altssh.bitbucket.org', 'bitbucket.org'],
])

/** `acme/blog` at the end of a path, and what stands before it: a host below a path of its own. */
export function ownerAndName(path: string): { readonly prefix: string; readonly path: string } | null {
  const [, prefix = '', owner, name] = /^((?:[^/]+\/)*)([^/]+)\/([^/]+)$/.exec(path) ?? []
  return owner === undefined || name === undefined
    ? null
    : { prefix: prefix.replace(/\/$/, ''), path: `${owner}/${name}` }
}

/** The path of a repository as parts of a URL. */
export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}
