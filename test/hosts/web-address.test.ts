import { describe, expect, it } from 'vitest'
import { hostOf, webAddressOf } from '../../src/hosts/index.ts'

describe('where the API of a repository lies', () => {
  it.each([
    ['github', 'https://github.com/Acme/blog.git', 'https://api.github.com', 'Acme/blog'],
    ['github', 'git@github.com:acme/blog.git', 'https://api.github.com', 'acme/blog'],
    ['github', 'ssh://git@ssh.github.com:443/acme/blog.git', 'https://api.github.com', 'acme/blog'],
    ['github', 'https://acme.ghe.com/acme/blog', 'https://api.acme.ghe.com', 'acme/blog'],
    ['github', 'git@git.corp.example:acme/blog.git', 'https://git.corp.example/api/v3', 'acme/blog'],
    ['gitlab', 'https://gitlab.com/group/sub/blog.git', 'https://gitlab.com/api/v4', 'group/sub/blog'],
    ['gitlab', 'ssh://git@gitlab.example.com:2222/a/b.git', 'https://gitlab.example.com/api/v4', 'a/b'],
    ['gitea', 'https://git.example.com:3000/acme/blog.git', 'https://git.example.com:3000/api/v1', 'acme/blog'],
    ['forgejo', 'https://example.com/git/acme/blog', 'https://example.com/git/api/v1', 'acme/blog'],
    ['bitbucket', 'git@bitbucket.org:acme/blog.git', 'https://api.bitbucket.org/2.0', 'acme/blog'],
    ['gitee', 'https://gitee.com/acme/blog.git', 'https://gitee.com/api/v5', 'acme/blog'],
    ['gitea', 'git.example.com:3000/acme/blog', 'https://git.example.com:3000/api/v1', 'acme/blog'],
  ])('%s of %s', (provider, name, apiUrl, path) => {
    const address = webAddressOf([name])
    expect(address && hostOf(provider)?.locate(address)).toEqual({ apiUrl, path })
  })

  it('is told by an alias where the clone URL is local or names an alias of ssh', () => {
    expect(webAddressOf(['/srv/git/blog.git', 'github.com/acme/blog'])).toEqual({
      host: 'github.com',
      path: 'acme/blog',
    })
    expect(webAddressOf(['github-blog:acme/blog.git', 'acme/blog'])).toBe(null)
    expect(webAddressOf(['file:///srv/git/blog.git'])).toBe(null)
  })

  it('is nowhere for a path that is no repository of that host', () => {
    expect(hostOf('github')?.locate({ host: 'github.com', path: 'blog' })).toBe(null)
    expect(hostOf('gitlab')?.locate({ host: 'gitlab.com', path: 'blog' })).toBe(null)
    expect(hostOf('azure')).toBe(null)
  })
})
