import { describe, expect, it } from 'vitest'
import { headsOf, mapOf, withApp } from './support.ts'

const appOf = async (...lines: readonly string[]) => (await mapOf(withApp(...lines))).apps.get('blog')

describe('what runs the steps', () => {
  it('is whatever can, without limits of its own, unless the app says otherwise', async () => {
    expect(await appOf()).toMatchObject({
      executor: 'auto',
      limits: { memoryBytes: null, cpuPercent: null, tasks: null },
      sandbox: {
        protectSystem: null,
        protectHome: null,
        readWritePaths: [],
        privateTmp: false,
        noNewPrivileges: false,
      },
    })
  })

  it('takes its limits and its sandbox', async () => {
    const app = await appOf(
      'executor: systemd',
      'limits: { memory: 512MiB, cpu: 150%, tasks: 100 }',
      'sandbox: { protect_system: strict, protect_home: read-only, read_write_paths: [/var/cache/x], private_tmp: true }',
    )
    expect(app).toMatchObject({
      executor: 'systemd',
      limits: { memoryBytes: 536_870_912, cpuPercent: 150, tasks: 100 },
      sandbox: {
        protectSystem: 'strict',
        protectHome: 'read-only',
        readWritePaths: ['/var/cache/x'],
        privateTmp: true,
      },
    })
  })

  it('makes nothing outdated that is live', async () => {
    const plain = await appOf()
    const limited = await appOf('executor: process')
    expect(limited?.fingerprint).toBe(plain?.fingerprint)
  })

  it.each([
    ['executor: docker', 'executor: must be one of auto, systemd, process'],
    ['limits: { memory: 512 }', 'limits.memory: '],
    [
      'limits: { memory: 512MB }',
      'limits.memory: "512MB" is not a size: write a number with its unit, such as 500MiB or 2GiB',
    ],
    ['limits: { cpu: 1.5 }', 'limits.cpu: '],
    [
      'limits: { cpu: 0% }',
      'limits.cpu: "0%" is not a share of a core: write a whole number with %, such as 50% or 200%',
    ],
    ['limits: { tasks: 0 }', 'limits.tasks: must be a whole number from 1 to 1000000'],
    ['sandbox: { protect_system: yes }', 'sandbox.protect_system: '],
    [
      'sandbox: { protect_system: strict, read_write_paths: [cache] }',
      'sandbox.read_write_paths[0]: "cache" must be an absolute path without . and ..',
    ],
    [
      'sandbox: { read_only_paths: ["/srv/a\\nExecStartPost=/bin/b"] }',
      'sandbox.read_only_paths[0]: "/srv/a�ExecStartPost=/bin/b" must be an absolute path without . and .., on one line',
    ],
    [
      'sandbox: { inaccessible_paths: [/srv/../etc] }',
      'sandbox.inaccessible_paths[0]: "/srv/../etc" must be an absolute path without . and ..',
    ],
    [
      'sandbox: { read_write_paths: [/var/cache/x] }',
      'sandbox.read_write_paths: opens nothing, as nothing is closed: add protect_system: strict',
    ],
  ])('refuses %s', async (line, message) => {
    const heads = await headsOf(withApp(line))
    expect(heads).toHaveLength(1)
    expect(heads[0]).toContain(`apps.blog.${message}`)
  })

  it.each(['limits: { memory: 1GiB }', 'sandbox: { private_tmp: true }'])(
    'refuses %s where nobody would hold a step to it',
    async (line) => {
      const key = line.split(':')[0] ?? ''
      expect((await headsOf(withApp('executor: process', line))).map((head) => head.replace(/^[\d:]+ /, ''))).toEqual([
        `apps.blog.${key}: is for systemd to enforce, and executor: process does without it: take one of them out`,
      ])
    },
  )
})
