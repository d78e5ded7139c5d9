import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { examine } from '../../src/doctor.ts'
import { checkConfig } from '../../src/doctor/config.ts'
import { checkDaemon } from '../../src/doctor/daemon.ts'
import { checkDisk } from '../../src/doctor/disk.ts'
import { each } from '../../src/doctor/each.ts'
import { createDiskFloor } from '../../src/runner/disk-floor.ts'
import { createApp, createMap } from '../support/map.ts'
import { aDaemon, createPatient, privateDirectory } from './patient.ts'
import { openSite } from './site.ts'

describe('an examination', () => {
  it('tells of every check, in one order, and whose each finding is', async () => {
    const found = await examine(createPatient(), { limitMs: 10_000 })
    const order = ['daemon', 'config', 'versions', 'files', 'disk', 'git', 'public_url', 'clock', 'systemd', 'secrets']
    expect([...new Set(found.map(({ check }) => check))]).toEqual(order)
  })

  it('is not held up by hosts that say nothing: what was found is told, and what was not', async () => {
    const site = await openSite(() => undefined)
    const map = createMap(
      Array.from({ length: 20 }, (_, n) => createApp(`app-${n}`, { repo: `https://github.com/acme/${n}.git` })),
    )
    const begun = performance.now()
    const found = await examine(
      createPatient({
        map: { ...map, server: { ...map.server, publicUrl: site.url } },
        urls: new Map([...map.apps.keys()].map((name) => [name, site.url])),
        async listRefs(_app, { signal }) {
          if (!signal.aborted) await once(signal, 'abort')
          return { kind: 'stopped', why: 'timed_out' }
        },
      }),
      { limitMs: 300 },
    )
    expect(performance.now() - begun).toBeLessThan(5_000)
    const told = (check: string) => found.filter((one) => one.check === check).map(({ what }) => what)
    expect(told('git')).toEqual(['20 of 20 repositories were not asked to the end: there was no time left'])
    expect(told('sites')).toHaveLength(20)
    expect(told('versions')).toContain('no known hole')
  })

  it('gives up a check that obeys no signal', async () => {
    const patient = createPatient({ program: () => new Promise(() => undefined) })
    const found = await examine(patient, { limitMs: 50, graceMs: 50 })
    expect(found.filter(({ check }) => check === 'systemd')).toMatchObject([{ level: 'warning', where: 'doctor' }])
    expect(found.filter(({ check }) => check === 'versions')).toHaveLength(3)
  })
})

describe('deploy.yml', () => {
  it('is well', async () => {
    expect(await checkConfig(createPatient())).toMatchObject([{ level: 'ok', what: 'is right' }])
  })

  it('is a problem, a line for each, when the file on the disk is refused', async () => {
    const file = '/etc/deployhook/deploy.yml'
    const problems = [`${file}:8:11 apps.blog.path: must be absolute\n  8 | path: srv\n    |       ^`]
    const [found, ...more] = await checkConfig(createPatient({ config: { file, problems, warnings: [] } }))
    expect(more).toEqual([])
    expect(found).toMatchObject({
      level: 'problem',
      where: file,
      what: '8:11 apps.blog.path: must be absolute',
      cure: expect.stringContaining('the map from before stays in force') as string,
    })
  })

  it('is told of with its warnings', async () => {
    const config = { file: '/d.yml', problems: [], warnings: ['/d.yml can be written by its group: chmod g-w /d.yml'] }
    expect(await checkConfig(createPatient({ config }))).toMatchObject([
      { level: 'ok' },
      { level: 'warning', what: 'can be written by its group: chmod g-w /d.yml' },
    ])
  })
})

describe('the daemon', () => {
  it('is a problem when it does not run, and what was looked at as whom is said', async () => {
    const absence = { what: 'does not run', cure: 'systemctl start deployhook' }
    const [found] = await checkDaemon(createPatient({ daemon: null, absence }))
    expect(found).toMatchObject({ level: 'problem', cure: absence.cure })
    expect(found?.what).toMatch(/^does not run; what follows was looked at as deployhook/)
  })

  it.each([
    ['store_unavailable', 'cannot write to its database'],
    ['stuck', 'makes no progress'],
    ['draining', 'is on its way down: it starts nothing more'],
    ['something_new', 'something_new'],
  ])('is a problem when it says %s', async (code, what) => {
    expect(await checkDaemon(createPatient({ daemon: aDaemon({ reasons: [code] }) }))).toMatchObject([
      { level: 'problem', what },
    ])
  })
})

describe('the disks', () => {
  const patientOn = (directory: string, minFreeBytes: number) => {
    const floor = createDiskFloor({
      minFreeBytes: () => minFreeBytes,
      makeRoom: () => Promise.resolve(),
      everyMs: 1_000,
    })
    return createPatient({ stateDirectory: directory, diskProblems: (paths) => floor.problems(paths) })
  }

  it('are well with room, and a problem with less than server.min_free', async () => {
    const directory = await privateDirectory()
    expect(await checkDisk(patientOn(directory, 0))).toMatchObject([{ level: 'ok' }])
    expect(await checkDisk(patientOn(directory, 2 ** 60))).toMatchObject([
      { level: 'problem', what: expect.stringContaining('server.min_free') as string },
    ])
  })
})

it('works on a few at once, and gives the answers in order', async () => {
  let [now, most] = [0, 0]
  const answers = await each([5, 1, 4, 2, 3], 2, async (item) => {
    most = Math.max(most, ++now)
    await new Promise((resolve) => setTimeout(resolve, item))
    now -= 1
    return item * 10
  })
  expect([answers, most]).toEqual([[50, 10, 40, 20, 30], 2])
})
