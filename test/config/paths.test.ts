import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadDeployMap } from '../../src/config/index.ts'
import { headsOf, load, makeFolder, options, tell, withApp } from './support.ts'

const pathOf = (path: string): string => withApp(`path: ${path}`)

const two = (first: string, second: string): string =>
  `${withApp(`path: ${first}`)}  shop: { repo: /srv/git/shop, path: ${second} }\n`

describe('the path of an app', () => {
  it.each([
    ['blog', 'must be an absolute path, such as /srv/blog'],
    ['./blog', 'must be an absolute path, such as /srv/blog'],
    ['../../etc', 'must be an absolute path, such as /srv/blog'],
    ['""', 'must be an absolute path, such as /srv/blog'],
    ['~/blog', '~ is not expanded here: write the whole path, such as /srv/blog'],
    ['/srv/../etc', 'must not hold .. : write the path that is meant'],
    ['/srv/blog/..', 'must not hold .. : write the path that is meant'],
    ['/', 'is the whole file system'],
    ['//', 'is the whole file system'],
    ['/.', 'is the whole file system'],
    ['/etc', 'is a directory of the system'],
    ['/etc/', 'is a directory of the system'],
    ['/usr', 'is a directory of the system'],
    ['/var/lib', 'is a directory of the system'],
    ['/tmp', 'is a directory of the system'],
    ['/usr/bin', 'belongs to the system'],
    ['/usr/bin/blog', 'belongs to the system'],
    ['/proc/self/cwd', 'belongs to the system'],
    ['/dev/shm/blog', 'belongs to the system'],
    ['/boot/blog', 'belongs to the system'],
    ['/root', 'is a directory of the system'],
    ['/home', 'is a directory of the system'],
    ['/home/alice', 'is a home directory'],
    ['/home/deploy', 'is a home directory'],
    ['/var/lib/deployhook', 'is the state directory of deployhook'],
    ['/var/lib/deployhook/trees/x', 'lies inside /var/lib/deployhook, the state directory of deployhook'],
  ])('is not %s', async (path, told) => {
    expect(await headsOf(pathOf(path))).toEqual([expect.stringContaining(`6:11 apps.blog.path: ${told}`)])
  })

  it('holds neither the state directory nor the home of the daemon', async () => {
    const changed = { stateDirectory: '/data/deployhook/state', env: { ...options.env, HOME: '/data/home/deploy' } }
    expect(await headsOf(pathOf('/data/deployhook'), changed)).toEqual([
      expect.stringContaining('holds /data/deployhook/state, the state directory'),
    ])
    expect(await headsOf(pathOf('/data/home'), changed)).toEqual([
      expect.stringContaining('holds the home directory /data/home/deploy'),
    ])
    expect(await headsOf(pathOf('/data/home/deploy'), changed)).toEqual([
      expect.stringContaining('is a home directory'),
    ])
    expect(await headsOf(pathOf('/data/deployhook2'), changed)).toEqual([])
    expect(await headsOf(pathOf('/data/home/deploy/blog'), changed)).toEqual([])
  })

  it.each([
    '/srv/blog',
    '/var/www/html',
    '/opt/blog',
    '/home/alice/blog',
    '/app',
    '/usr/local/share/blog',
    '/tmp/blog',
    '/etcetera',
  ])('may be %s', async (path) => {
    expect(await headsOf(pathOf(path))).toEqual([])
  })

  it('is followed through links, also when its end is not there yet', async () => {
    const folder = await makeFolder()
    await symlink('/etc', join(folder, 'etc'))
    await symlink('/usr/bin/not-there', join(folder, 'dangling'))
    await symlink(join(folder, 'loop'), join(folder, 'loop'))
    await writeFile(join(folder, 'file'), '')
    expect(await headsOf(pathOf(join(folder, 'etc')))).toEqual([
      expect.stringContaining('leads to /etc, which is a directory of the system'),
    ])
    expect(await headsOf(pathOf(join(folder, 'dangling')))).toEqual([
      expect.stringContaining('leads to /usr/bin/not-there, which belongs to the system'),
    ])
    expect(await headsOf(pathOf(join(folder, 'dangling/blog')))).toEqual([
      expect.stringContaining('leads to /usr/bin/not-there/blog, which belongs'),
    ])
    expect(await headsOf(pathOf(join(folder, 'loop/blog')))).toEqual([
      expect.stringContaining('leads through symbolic links that go round in a circle'),
    ])
    expect(await headsOf(pathOf(join(folder, 'file/blog')))).toEqual([
      expect.stringContaining('leads through a file that is not a directory'),
    ])
  })

  it('does not reach the state directory by a link to it', async () => {
    const folder = await makeFolder()
    await mkdir(join(folder, 'real'))
    await symlink(join(folder, 'real'), join(folder, 'state'))
    const changed = { stateDirectory: join(folder, 'state') }
    expect(await headsOf(pathOf(join(folder, 'real/blog')), changed)).toEqual([
      expect.stringContaining('the state directory of deployhook'),
    ])
  })
})

describe('the paths of two apps', () => {
  it.each([
    ['/srv/blog', '/srv/blog', 'shop and blog have the same path: each app needs its own'],
    ['/srv/blog', '/srv//blog/.', 'shop and blog have the same path: each app needs its own'],
    ['/srv/blog', '/srv/blog/shop', 'the path of shop lies inside /srv/blog, the path of blog: put them side by side'],
    ['/srv/blog/x/y', '/srv/blog', 'the path of blog lies inside /srv/blog, the path of shop: put them side by side'],
  ])('are not %s and %s', async (first, second, told) => {
    expect(await headsOf(two(first, second))).toEqual([expect.stringContaining(told)])
  })

  it('may begin with the same letters', async () => {
    expect(await headsOf(two('/srv/blog', '/srv/blog-2'))).toEqual([])
    expect(await headsOf(two('/srv/a/blog', '/srv/a/shop'))).toEqual([])
  })

  it('are not one directory under two names', async () => {
    const folder = await makeFolder()
    await mkdir(join(folder, 'blog'))
    await symlink(join(folder, 'blog'), join(folder, 'alias'))
    expect(await headsOf(two(join(folder, 'blog'), join(folder, 'alias')))).toEqual([
      expect.stringContaining('is a symbolic link: give the directory that it leads to'),
      expect.stringContaining('shop and blog have the same path'),
    ])
    expect(await headsOf(two(join(folder, 'blog'), join(folder, 'alias/x')))).toEqual([
      expect.stringContaining(`lies inside ${join(folder, 'blog')}`.slice(0, 11)),
    ])
  })

  it('are found to be one when they come from defaults', async () => {
    const text =
      'webhooks: { github: { secret: { env: SECRET } } }\ndefaults: { path: /srv/x }\napps: { a: { repo: /srv/git/a }, b: { repo: /srv/git/b } }\n'
    expect(await headsOf(text)).toEqual(['2:19 defaults.path: b and a have the same path: each app needs its own'])
  })
})

describe('a deploy.yml inside a tree that it deploys', () => {
  it('is warned about: whoever can push could change it', async () => {
    const folder = await makeFolder()
    const file = join(folder, 'deploy.yml')
    await writeFile(file, pathOf(folder), { mode: 0o644 })
    const loaded = await loadDeployMap(file, options)
    expect(tell(loaded.warnings)).toContain(
      'holds this very file, so that whoever can push to blog can change it: keep it elsewhere',
    )
    expect((await load(pathOf('/srv/blog'))).warnings).toEqual([])
  })
})
