import { describe, expect, it } from 'vitest'
import { identityOf, parseRepository } from '../../src/model/repository.ts'

describe('the repository of deploy.yml', () => {
  it.each([
    ['https://github.com/acme/blog.git', 'https', 'github.com/acme/blog'],
    ['https://GitHub.com/Acme/Blog/', 'https', 'github.com/acme/blog'],
    ['https://git.example.com:8443/acme/blog.git', 'https', 'git.example.com:8443/acme/blog'],
    ['https://gitlab.com/group/sub/blog.git', 'https', 'gitlab.com/group/sub/blog'],
    ['git@github.com:Acme/blog', 'ssh', 'github.com/acme/blog'],
    ['github-blog:acme/blog.git', 'ssh', 'github-blog/acme/blog'],
    ['ssh://git@github.com/acme/blog.git', 'ssh', 'github.com/acme/blog'],
    ['ssh://git@git.example.com:2222/acme/blog.git', 'ssh', 'git.example.com/acme/blog'],
    ['git@host:/srv/blog.git', 'ssh', 'host/srv/blog'],
    ['/srv/git/blog.git', 'file', 'file:/srv/git/blog'],
    ['/srv/git/Blog', 'file', 'file:/srv/git/Blog'],
    ['file:///srv/git/blog.git', 'file', 'file:/srv/git/blog'],
  ])('%s is cloned by %s and known as %s', (url, protocol, identity) => {
    expect(parseRepository(url)).toEqual({ url, protocol, identity })
  })

  it.each([
    ['', 'is empty'],
    ['-x', 'cannot start with -'],
    ['--upload-pack=touch PWN', 'has a space or a control character in it'],
    ['https://github.com/acme/blog.git\n', 'has a space or a control character in it'],
    ['https://github.com/acme/bl%0aog', 'has a space or a control character in it'],
    ['blog', 'is not a clone URL: use https://…, ssh://…, user@host:path, file://… or an absolute path'],
    ['../blog', 'is not a clone URL: use https://…, ssh://…, user@host:path, file://… or an absolute path'],
    ['http://github.com/acme/blog', 'uses http://, which is not allowed: use https, ssh, file or an absolute path'],
    ['git://github.com/acme/blog', 'uses git://, which is not allowed: use https, ssh, file or an absolute path'],
    ['ext::touch', 'names a remote helper (::), which is not allowed: use https, ssh, file or an absolute path'],
    ['fd::17', 'names a remote helper (::), which is not allowed: use https, ssh, file or an absolute path'],
    ['HTTPS://github.com/acme/blog', 'begins with HTTPS:// which git does not know: write https:// in lower case'],
    ['https:github.com/acme/blog', 'lacks the // after https:'],
    ['file:/srv/git/blog', 'lacks the // after file:'],
    [
      'https://alice:hunter2@github.com/acme/blog',
      'holds a user name or password: take it out and give it as git.token (and git.username)',
    ],
    [
      'https://token@github.com/acme/blog',
      'holds a user name or password: take it out and give it as git.token (and git.username)',
    ],
    [
      'ssh://git:hunter2@github.com/acme/blog',
      'holds a user name or password: take it out and give it as git.token (and git.username)',
    ],
    ['https://github.com/', 'names a host but no repository'],
    ['https://github.com/acme/blog?x=1', 'is a clone URL, without ? and #'],
    ['https://github.com/acme/blog#main', 'is a clone URL, without ? and #'],
    ['ssh://-oProxyCommand=touch/blog', 'names no usable host'],
    ['ssh://-oProxyCommand=x@host/blog', 'names no usable host'],
    [
      'git@-oProxyCommand=touch:blog',
      'is not a clone URL: use https://…, ssh://…, user@host:path, file://… or an absolute path',
    ],
    ['git@-host:blog', 'names no usable host'],
    ['host:-oProxyCommand', 'names a host but no repository'],
    ['ssh://git@host/%2doProxyCommand', 'names a host but no repository'],
    ['file://localhost/srv/blog', 'is a file URL with a host: a local repository is file:///absolute/path'],
    ['/', 'names no repository: a local one is /srv/git/blog.git'],
    ['/srv/git/../../etc', 'must not hold . or .. : write the path that is meant'],
    ['file:///srv/%2e%2e/etc', 'must not hold . or .. : write the path that is meant'],
  ])('%j is refused: %s', (url, problem) => {
    expect(parseRepository(url)).toEqual({ problem })
  })
})

describe('the identity of a repository', () => {
  it.each([
    'https://github.com/acme/blog.git',
    'https://github.com/acme/blog',
    'https://github.com/Acme/Blog/',
    'http://github.com/acme/blog.git',
    'git@github.com:acme/blog.git',
    'ssh://git@github.com/acme/blog',
    'ssh://git@github.com:22/acme/blog.git',
    'github.com/acme/blog',
    'GitHub.com/acme/blog.git',
    'https://github.com:443/acme/blog.git',
    'https://github.com//acme//blog.git',
    'https://github.com/%61cme/blog',
  ])('is the same for %s', (text) => {
    expect(identityOf(text)).toBe('github.com/acme/blog')
  })

  it.each([
    ['https://git.example.com:8443/acme/blog.git', 'https://git.example.com/acme/blog.git'],
    ['https://github.com/acme/blog.git', 'https://github.com/acme/blog.wiki.git'],
    ['https://github.com/acme/blog.git', 'https://github.com.example.net/acme/blog.git'],
    ['https://gitlab.com/group/blog.git', 'https://gitlab.com/group/sub/blog.git'],
  ])('of %s is not that of %s', (one, other) => {
    expect(identityOf(one)).not.toBe(identityOf(other))
  })

  it('is the same for a name with a space, however the URL spells it', () => {
    const spellings = [
      'https://dev.azure.com/acme/My%20Shop/_git/My%20Blog',
      'https://dev.azure.com/Acme/my%20shop/_git/my%20blog/',
      'https://dev.azure.com/acme/My%20Shop/_git/My%20Blog.git',
    ]
    expect(new Set(spellings.map(identityOf))).toEqual(new Set(['dev.azure.com/acme/my%20shop/_git/my%20blog']))
    expect(identityOf('git@ssh.dev.azure.com:v3/acme/My%20Shop/My%20Blog')).toBe(
      'ssh.dev.azure.com/v3/acme/my%20shop/my%20blog',
    )
  })

  it('is no other for a slash or a dot that the URL hides', () => {
    expect(identityOf('https://github.com/acme%2Fblog')).toBe('github.com/acme/blog')
    expect(identityOf('https://github.com/acme/../evil/blog')).toBe('github.com/evil/blog')
    expect(identityOf('https://github.com/acme/%2e%2e/evil/blog')).toBe('github.com/evil/blog')
  })

  it('may lack the host', () => {
    expect(identityOf('acme/blog')).toBe('acme/blog')
    expect(identityOf('Acme/Blog.git')).toBe('acme/blog')
  })

  it('keeps the case of local paths, where it matters', () => {
    expect(identityOf('/srv/git/Blog.git')).toBe('file:/srv/git/Blog')
    expect(identityOf('/srv/git/blog.git')).not.toBe(identityOf('/srv/git/Blog.git'))
  })

  it.each([
    '',
    'blog',
    ' acme/blog',
    'acme/blog ',
    'acme/',
    '/',
    'https://',
    'https://github.com',
    'ext::sh/x',
    'a:b@c/d e',
  ])('is null for %j, which names nothing', (text) => {
    expect(identityOf(text)).toBeNull()
  })

  it('tells hosts, owners and names apart', () => {
    const texts = [
      'github.com/acme/blog',
      'gitlab.com/acme/blog',
      'github.com/acme2/blog',
      'github.com/acme/blog2',
      'github.com/acme/blog/sub',
      'acme/blog',
      'github.com.evil.example/acme/blog',
    ]
    expect(new Set(texts.map(identityOf)).size).toBe(texts.length)
  })
})
