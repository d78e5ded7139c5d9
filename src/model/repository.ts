import type { Repository } from './deploy-map.ts'

/**
 * What a clone URL means, or why it cannot be used (a sentence with the cure). Takes `https://…`, `ssh://…`,
 * `user@host:path` and, for a bare repository on this host, `file://…` or an absolute path.
 */
export function parseRepository(url: string): Repository | { readonly problem: string } {
  const problem = hygieneProblem(url)
  if (problem !== null) return { problem }
  if (url.startsWith('/')) return { url, protocol: 'file', identity: fileIdentity(url) }
  const scp = /^(?:([A-Za-z0-9_.-]+)@)?([A-Za-z0-9_.-]+):(?!\/\/)(.+)$/.exec(url)
  if (scp?.[2] !== undefined && scp[3] !== undefined) return sshRepository(url, scp[2], scp[3])
  return fromUrl(url)
}

/**
 * The identity of a repository name or URL as a payload or an alias writes it: `https://github.com/Acme/blog.git`,
 * `git@github.com:acme/blog` and `github.com/acme/blog` are one. null when it names nothing.
 */
export function identityOf(text: string): string | null {
  const parsed = parseRepository(text)
  if (!('problem' in parsed)) return parsed.identity
  const http = /^http:(\/\/.+)$/.exec(text)?.[1]
  if (http !== undefined) return identityOf(`https:${http}`)
  const name = tidyPath(text).toLowerCase()
  return /^[^\s/:@][^\s:@]*\/[^\s:@]+$/.test(name) ? name : null
}

// eslint-disable-next-line no-control-regex -- control characters are exactly what is looked for
const unprintable = /[\x00-\x20\x7f]/

function hygieneProblem(url: string): string | null {
  if (url === '') return 'is empty'
  if (unprintable.test(url)) return 'has a space or a control character in it'
  if (url.startsWith('-')) return 'cannot start with -'
  return null
}

function fromUrl(url: string): Repository | { readonly problem: string } {
  const parsed = URL.parse(url)
  if (parsed === null) return { problem: 'is not a clone URL: use https://…, ssh://…, user@host:path, file://… or an absolute path' }
  const { protocol, username, password, hostname, pathname, port } = parsed
  if (protocol === 'file:') return fileRepository(url, hostname, pathname)
  if (protocol !== 'https:' && protocol !== 'ssh:') {
    return { problem: `uses ${protocol}//, which is not allowed: use https, ssh, file or an absolute path` }
  }
  if (password !== '' || (protocol === 'https:' && username !== '')) {
    return { problem: 'holds a user name or password: take it out and give it as git.token (and git.username)' }
  }
  if (hostname === '' || hostname.startsWith('-')) return { problem: 'names no usable host' }
  const path = tidyPath(decoded(pathname))
  if (path === '') return { problem: 'names a host but no repository' }
  if (protocol === 'ssh:') return { ...sshRepository(url, hostname, path) }
  const host = port === '' ? hostname : `${hostname}:${port}`
  return { url, protocol: 'https', identity: `${host}/${path}`.toLowerCase() }
}

function sshRepository(url: string, host: string, path: string): Repository | { readonly problem: string } {
  if (host.startsWith('-')) return { problem: 'names no usable host' }
  const tidy = tidyPath(path)
  if (tidy === '' || tidy.startsWith('-')) return { problem: 'names a host but no repository' }
  return { url, protocol: 'ssh', identity: `${host}/${tidy}`.toLowerCase() }
}

function fileRepository(url: string, host: string, pathname: string): Repository | { readonly problem: string } {
  if (host !== '' && host !== 'localhost') return { problem: 'is a file URL with a host: a local repository is file:///absolute/path' }
  return { url, protocol: 'file', identity: fileIdentity(decoded(pathname)) }
}

function fileIdentity(path: string): string {
  return `file:/${tidyPath(path)}`
}

/** Without slashes at the ends, doubled slashes and `.git`. */
function tidyPath(path: string): string {
  return path
    .replace(/\/{2,}/g, '/')
    .replace(/^\/|\/$/g, '')
    .replace(/\.git$/i, '')
}

function decoded(pathname: string): string {
  try {
    return decodeURIComponent(pathname)
  } catch {
    return pathname
  }
}
