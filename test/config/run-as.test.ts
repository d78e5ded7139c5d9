import { writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lookUpUser, lookUpUserIn, type LookUpUser } from '../../src/config/users.ts'
import { headsOf, load, makeFolder, mapOf, options, warningsOf, withApp } from './support.ts'

const users: Readonly<Record<string, number>> = { root: 0, toor: 0, deploy: 990, web: 991 }

const lookUp: LookUpUser = (name) => {
  const uid = users[name]
  if (uid !== undefined) return Promise.resolve({ kind: 'found', uid })
  return Promise.resolve({ kind: name === 'ldap' ? 'unsure' : 'none' })
}

const asRoot = { uid: 0, rootSteps: 'refuse', lookUpUser: lookUp } as const
/** Who the daemon runs as besides root has to own the file, so that this is whoever runs the tests. */
const uid = options.uid === 0 ? 990 : options.uid
const asUser = {
  ...asRoot,
  uid,
  lookUpUser: (name: string) => (name === 'deploy' ? found(uid) : lookUp(name)),
}

const found = (known: number): ReturnType<LookUpUser> => Promise.resolve({ kind: 'found', uid: known })

const releases = (...lines: readonly string[]): string => withApp('strategy: releases', ...lines)

describe('steps as root', () => {
  const message =
    'would run as root: give run_as: a user of its own (with strategy: releases), run deployhook as a user of its own, or allow it with server: { allow_root_steps: true }'

  it('are refused unless the file allows them', async () => {
    expect(await headsOf(withApp('steps: [make]'), asRoot)).toEqual([`7:5 apps.blog.steps: ${message}`])
    expect(await headsOf(`${withApp('steps: [make]')}server: { allow_root_steps: false }\n`, asRoot)).toEqual([
      `7:5 apps.blog.steps: ${message}`,
    ])
    expect(await headsOf(`${withApp('steps: [make]')}server: { allow_root_steps: true }\n`, asRoot)).toEqual([])
  })

  it.each([
    ['before_switch', 'before_switch: [make]'],
    ['activate', 'activate: [make]'],
    ['after', 'after: [make]'],
    ['health', 'health: { command: make }'],
    ['health', 'health: [{ tcp: 127.0.0.1:80 }, { command: [make] }]'],
    ['preview', 'preview: make\n    health: { tcp: "127.0.0.1:{port}", preview: true }'],
  ])('are those of every phase: %s', async (key, lines) => {
    expect(await headsOf(withApp(lines), asRoot)).toEqual([`7:5 apps.blog.${key}: ${message}`])
  })

  it('are none where every app with commands has a user of its own', async () => {
    expect(await headsOf(releases('run_as: web', 'steps: [make]', 'health: { command: make }'), asRoot)).toEqual([])
    const shop = '  shop: { repo: /srv/git/shop, path: /srv/shop, steps: [make] }\n'
    expect(await headsOf(releases('run_as: web', 'steps: [make]') + shop, asRoot)).toEqual([
      `10:49 apps.shop.steps: ${message}`,
    ])
  })

  it.each(['root', 'toor'])('are what run_as: %s asks for, which only the server allows', async (name) => {
    const text = releases(`run_as: ${name}`, 'steps: [make]')
    expect(await headsOf(text, asRoot)).toEqual([
      '8:13 apps.blog.run_as: would run steps as root: name a user of its own, or allow it with server: { allow_root_steps: true }',
    ])
    expect(await headsOf(`${text}server: { allow_root_steps: true }\n`, asRoot)).toEqual([])
  })

  it('are a warning where root only checks the file for another user', async () => {
    const loaded = await load(withApp('steps: [make]'), { ...asRoot, rootSteps: 'warn' })
    expect(loaded.kind).toBe('loaded')
    expect(loaded.warnings.map(({ path, severity }) => [path, severity])).toEqual([['apps.blog.steps', 'warning']])
  })

  it.skipIf(options.uid !== 0)('are no matter for another user, nor for an app without commands', async () => {
    expect(await headsOf(withApp('steps: [make]'), asUser)).toEqual([])
    expect(await headsOf(withApp('health: { tcp: 127.0.0.1:80 }'), asRoot)).toEqual([])
  })
})

describe('run_as', () => {
  it('names a user of this machine', async () => {
    expect(await headsOf(releases('run_as: nobody-here'), asRoot)).toEqual([
      '8:13 apps.blog.run_as: there is no user nobody-here on this machine: make it (useradd --system nobody-here), or name another',
    ])
    expect((await mapOf(releases('run_as: web'), asRoot)).apps.get('blog')?.runAs).toBe('web')
  })

  it('may name a user of the network, which /etc/passwd cannot tell', async () => {
    expect(await headsOf(releases('run_as: ldap'), asRoot)).toEqual([])
    expect(await warningsOf(releases('run_as: ldap'), asRoot)).toContain(
      'apps.blog.run_as: ldap is not in /etc/passwd: make sure that `getent passwd ldap` knows it',
    )
  })

  it.each(['web', 'root', 'ldap'])('is refused for %s when the daemon is another user, and not root', async (name) => {
    expect(await headsOf(releases(`run_as: ${name}`), asUser)).toEqual([
      `8:13 apps.blog.run_as: is another user than deployhook's own, and only root can run steps as another: run deployhook as ${name}, or as root`,
    ])
  })

  it('may name the user of the daemon itself, also in place', async () => {
    expect(await headsOf(withApp('run_as: deploy', 'steps: [make]'), asUser)).toEqual([])
    expect(await headsOf(withApp('run_as: root'), { ...asRoot, rootSteps: 'warn' })).toEqual([])
  })

  it('is refused in place when the daemon is root, whose hand that user could lead', async () => {
    const told =
      'with strategy: in-place, root would write into a tree whose files web can exchange for links to any others: use strategy: releases, or run deployhook as web'
    expect(await headsOf(withApp('run_as: web'), asRoot)).toEqual([`7:13 apps.blog.run_as: ${told}`])
    expect(await headsOf(withApp('strategy: in-place') + 'defaults: { run_as: web }\n', asRoot)).toEqual([
      `8:21 defaults.run_as: ${told}`,
    ])
    expect(await headsOf(withApp('run_as: web', 'strategy: release'), asRoot)).toEqual([
      expect.stringContaining('apps.blog.strategy: must be in-place or releases'),
    ])
  })

  it('is only warned about where the file is checked for another daemon', async () => {
    const checked = { rootSteps: 'warn' } as const
    expect(await warningsOf(releases('run_as: web'), { ...asUser, ...checked })).toContain(
      'run deployhook as web, or as root',
    )
    expect(await warningsOf(withApp('run_as: web'), { ...asRoot, ...checked })).toContain('use strategy: releases')
  })

  it.each(['1000', '"1000"', '"a b"', '""', '-x', '"web:x"', 'x'.repeat(33)])(
    'is refused for %s, which names nobody',
    async (name) => {
      expect(await headsOf(releases(`run_as: ${name}`), asRoot)).toEqual([
        expect.stringMatching(/^8:13 apps\.blog\.run_as: (?:must be a string|".*" is not the name of a user)/),
      ])
    },
  )
})

describe('the users of this machine', () => {
  it('are found by name, this process’s own among them', async () => {
    const { username, uid: own } = userInfo()
    expect(await lookUpUser(username)).toEqual({ kind: 'found', uid: own })
    expect(await lookUpUser('root')).toEqual({ kind: 'found', uid: 0 })
    expect(await lookUpUser('nobody-has-this-name')).toEqual({ kind: expect.stringMatching(/none|unsure/) as string })
  })

  it('are those of the passwd file, by whole names; a network may know more', async () => {
    const folder = await makeFolder()
    const [passwd, nsswitch] = [join(folder, 'passwd'), join(folder, 'nsswitch.conf')]
    const find = (name: string) => lookUpUserIn(name, { passwd, nsswitch })
    await writeFile(passwd, 'webmaster:x:1001:1001::/:/bin/sh\nweb:x:33:33::/:/bin/sh\nbroken\n')
    expect(await find('web')).toEqual({ kind: 'found', uid: 33 })
    expect(await find('broken')).toEqual({ kind: 'none' })
    await writeFile(nsswitch, 'group: sss\npasswd:  files systemd\n')
    expect(await find('we')).toEqual({ kind: 'none' })
    await writeFile(nsswitch, 'passwd:  files sss\n')
    expect(await find('we')).toEqual({ kind: 'unsure' })
  })
})
