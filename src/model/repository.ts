import type { Repository } from './deploy-map.ts'

/**
 * What a clone URL means, or why it cannot be used (a sentence with the cure). Takes `https://…`, `ssh://…`,
 * `user@host:path` and, for a bare repository on this host, `file://…` or an absolute path.
 */
export function parseRepository(url: string): Repository | { readonly problem: string } {
  const problem = hygieneProblem(url)
  if (problem !== null) return { problem }
  // git would run `git-remote-<name>`: https://git-scm.com/docs/gitremote-helpers
  if (/^[A-Za-z][\w+.-]*::/.test(url))
    return { problem: 'names a remote helper (::), which is not allowed: use https, ssh, file or an absolute path' }
  if (url.startsWith('/')) return localRepository(url, url)
  // git takes these for ssh hosts, which nobody means by them.
  const scheme = /^(file|https?|ssh|git):(?!\/\/)/i.exec(url)?.[1]
  if (scheme !== undefined) return { problem: `lacks the // after ${scheme}:` }
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
  const name = repositoryPath(text).toLowerCase()
  return /^[^\s/:@][^\s:@]*\/[^\s:@]+$/.test(name) ? name : null
}

const unprintable = /[\x00-\x20\x7f]/

function hygieneProblem(url: string): string | null {
  if (url === '') return 'is empty'
  if (unprintable.test(url)) return 'has a space or a control character in it'
  if (url.startsWith('-')) return 'cannot start with -'
  return null
}

function fromUrl(url: string): Repository | { readonly problem: string } {
  const parsed = URL.parse(url)
  if (parsed === null)
    return { problem: 'is not a clone URL: use https://…, ssh://…, user@host:path, file://… or an absolute path' }
  const { protocol, username, password, hostname, pathname, port, search, hash } = parsed
  // Unlike a browser, git tells https from HTTPS, which it does not know.
  if (!url.startsWith(`${protocol}//`))
    return {
      problem: `begins with ${url.slice(0, protocol.length)}// which git does not know: write ${protocol}// in lower case`,
    }
  if (protocol === 'file:') return fileRepository(url)
  if (protocol !== 'https:' && protocol !== 'ssh:') {
    return { problem: `uses ${protocol}//, which is not allowed: use https, ssh, file or an absolute path` }
  }
  if (password !== '' || (protocol === 'https:' && username !== '')) {
    return { problem: 'holds a user name or password: take it out and give it as git.token (and git.username)' }
  }
  if (hostname === '' || hostname.startsWith('-') || username.startsWith('-'))
    return { problem: 'names no usable host' }
  if (search !== '' || hash !== '') return { problem: 'is a clone URL, without ? and #' }
  // Azure DevOps has spaces in names; its ssh URLs spell them %20 too, and there nothing is decoded.
  const path = repositoryPath(decoded(pathname).replaceAll(' ', '%20'))
  if (path === '') return { problem: 'names a host but no repository' }
  if (unprintable.test(path)) return { problem: 'has a space or a control character in it' }
  if (protocol === 'ssh:') return sshRepository(url, hostname, path)
  const host = port === '' ? hostname : `${hostname}:${port}`
  return { url, protocol: 'https', identity: `${host}/${path}`.toLowerCase() }
}

function sshRepository(url: string, host: string, path: string): Repository | { readonly problem: string } {
  if (host.startsWith('-')) return { problem: 'names no usable host' }
  const tidy = repositoryPath(path)
  if (tidy === '' || tidy.startsWith('-')) return { problem: 'names a host but no repository' }
  return { url, protocol: 'ssh', identity: `${host}/${tidy}`.toLowerCase() }
}

function fileRepository(url: string): Repository | { readonly problem: string } {
  if (!url.startsWith('file:///'))
    return { problem: 'is a file URL with a host: a local repository is file:///absolute/path' }
  return localRepository(url, decoded(url.slice('file://'.length)))
}

function localRepository(url: string, path: string): Repository | { readonly problem: string } {
  const tidy = repositoryPath(path)
  if (tidy === '') return { problem: 'names no repository: a local one is /srv/git/blog.git' }
  if (unprintable.test(tidy)) return { problem: 'has a space or a control character in it' }
  if (/^\.\.?$|\/\.\.?\/|^\.\.?\/|\/\.\.?$/.test(tidy))
    return { problem: 'must not hold . or .. : write the path that is meant' }
  return { url, protocol: 'file', identity: `file:/${tidy}` }
}

/** Without slashes at the ends, doubled slashes and `.git`. */
function repositoryPath(path: string): string {
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
