import { describe, expect, it } from 'vitest'
import { createAsk, type Ask } from '../../src/doctor/ask.ts'
import { checkClock } from '../../src/doctor/clock.ts'
import type { Patient } from '../../src/doctor/patient.ts'
import { createApp, createMap } from '../support/map.ts'
import { aDaemon, createPatient } from './patient.ts'
import { openSite } from './site.ts'

const now = new Date('2026-11-24T12:00:00.000Z')

/** Hosts that tell this time. */
const telling =
  (date: Date | null): Ask =>
  () =>
    Promise.resolve({
      kind: 'answered',
      status: 200,
      headers: date === null ? {} : { date: date.toUTCString() },
      body: '',
      through: null,
    })

const lookAt = (change: Partial<Patient>) =>
  checkClock(createPatient({ map: createMap([createApp('blog')]), now: () => now, ...change }))

describe('the clock', () => {
  it('is compared with what a real host tells', async () => {
    const site = await openSite((_path, response) => response.end())
    const askSite = createAsk({ env: {}, timeoutMs: 5_000 })
    const ask: Ask = (asked) => askSite({ ...asked, url: site.url })
    const map = createMap([])
    const at = (publicUrl: string) => createPatient({ ask, map: { ...map, server: { ...map.server, publicUrl } } })
    const patient = at('https://deploy.example.com')
    expect(await checkClock(patient)).toEqual([
      { level: 'ok', where: 'clock', what: 'agrees with that of deploy.example.com', cure: null },
    ])
    expect(await checkClock(at(site.url))).toMatchObject([{ what: 'no host told the time to compare it with' }])
    expect(site.asked).toMatchObject([{ method: 'HEAD' }])
    const late = { ...patient, now: () => new Date(Date.now() - 3_600_000) }
    expect(await checkClock(late)).toMatchObject([
      { level: 'problem', what: expect.stringMatching(/^is (59 min|1 h) .+ behind that of/) as string },
    ])
  })

  it.each([
    { offMs: 0, level: 'ok', says: 'agrees with that of github.com' },
    { offMs: 20_000, level: 'ok', says: 'agrees with that of github.com' },
    { offMs: 45_000, level: 'warning', says: 'ahead of that of github.com' },
    { offMs: -45_000, level: 'warning', says: 'behind that of github.com' },
    { offMs: 400_000, level: 'problem', says: 'signatures that hold a time are refused' },
    { offMs: -400_000, level: 'problem', says: 'signatures that hold a time are refused' },
  ])('that is off by $offMs ms: $level', async ({ offMs, level, says }) => {
    const [found] = await lookAt({ ask: telling(new Date(now.getTime() - offMs)) })
    expect(found).toMatchObject({ level, what: expect.stringContaining(says) as string })
  })

  it('is compared with nothing when no host tells the time, and that is said', async () => {
    const silent: Ask = () => Promise.resolve({ kind: 'unreachable', why: 'refuses connections', through: null })
    for (const ask of [silent, telling(null)])
      expect(await lookAt({ ask })).toMatchObject([{ level: 'ok', what: 'no host told the time to compare it with' }])
  })

  it('is told of when the daemon saw it jump', async () => {
    const found = await lookAt({ ask: telling(now), daemon: aDaemon({ warnings: ['clock_jumped'] }) })
    expect(found).toMatchObject([
      { level: 'ok' },
      { level: 'warning', what: expect.stringContaining('within the last day') as string },
    ])
  })

  it.each([
    { output: 'no\n', exitCode: 0, warns: true },
    { output: 'yes\n', exitCode: 0, warns: false },
    { output: '', exitCode: 1, warns: false },
    { output: '', exitCode: null, warns: false },
  ])(
    'is told of when NTP does not keep it: timedatectl says $output ($exitCode)',
    async ({ output, exitCode, warns }) => {
      const found = await lookAt({ ask: telling(now), program: () => Promise.resolve({ exitCode, output }) })
      expect(found.some(({ cure }) => cure === 'timedatectl set-ntp true')).toBe(warns)
    },
  )
})
