import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'
import { openInstalled, type Installed } from './support/installed.ts'
import { whyNoMachine } from './support/machine.ts'
import { killAndWait, underLoad, upgrade } from './upgrades.ts'

const why = whyNoMachine()

describe.skipIf(why !== null)(`an installed daemon under load${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let installed: Installed
  beforeAll(async () => {
    installed = await openInstalled()
  }, 300_000)
  afterAll(async () => {
    await installed[Symbol.asyncDispose]()
  }, 60_000)

  it(
    'is upgraded during a build: no push is refused or lost, and the outcome is recorded',
    { timeout: 240_000 },
    async () => {
      const { machine } = installed
      await installed.configure({ blog: { steps: ['touch up; while [ ! -e go ]; do sleep 0.2; done; cp page built'] } })
      const id = await installed.ship('one')
      await until('the step', async () => (await machine.try('test -e /srv/blog/up')).code === 0)
      const before = await installed.property('MainPID')
      const answers = await underLoad(installed, async () => {
        const upgraded = upgrade(installed, '99.1.0')
        await until(
          'the old daemon to be told',
          async () => (await installed.property('ActiveState')) === 'deactivating',
        )
        expect(await installed.deployment(id)).toMatchObject({ state: 'running' })
        await machine.sh('touch /srv/blog/go')
        await upgraded
      })
      expect(Object.keys(answers)).toEqual(['202'])
      expect(await installed.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
      expect(await machine.sh('deployhook --version')).toBe('99.1.0\n')
      expect(await installed.property('MainPID')).not.toBe(before)
      expect(await machine.sh('deployhook status --json')).toContain('99.1.0')
      // What came meanwhile is in the queue of the new one, and the newest of it is deployed.
      const [newest] = await installed.deployments()
      expect(await installed.done(newest?.id ?? 0)).toMatchObject({
        outcome: expect.stringMatching(/succeeded|skipped/) as string,
      })
      expect(await machine.sh('cat /srv/blog/page')).toBe('load\n')
    },
  )

  it('is killed and restarted: no connection is refused', { timeout: 120_000 }, async () => {
    await installed.configure({ blog: { steps: ['true'] } })
    const answers = await underLoad(installed, async () => {
      for (let kill = 0; kill < 3; kill++) await killAndWait(installed)
      await installed.machine.sh('systemctl restart deployhook')
    })
    // What the killed one had in its hands is cut off; its sender knows that it got no 202.
    const { ECONNRESET: cutOff = 0, ...others } = answers
    expect(Object.keys(others)).toEqual(['202'])
    expect(cutOff).toBeLessThanOrEqual(3 * 4)
  })

  it(
    'as root with systemd as executor, is restarted in mid-build: the build goes on',
    { timeout: 120_000 },
    async () => {
      const { machine } = installed
      await installed.configure({})
      await installed.dropIn(await machine.sh('cat /usr/share/doc/deployhook/systemd/drop-ins/root.conf'))
      await machine.sh('install -d /srv/api')
      const steps = ['echo $$ >/tmp/up; while [ ! -e /tmp/go ]; do sleep 0.2; done; echo went on', 'echo second']
      await installed.configure({ api: { strategy: 'releases', run_as: 'nobody', executor: 'systemd', steps } })
      const id = await installed.ship('in a unit')
      await until('the step', async () => (await machine.try('test -s /tmp/up')).code === 0)
      const before = [await installed.property('MainPID'), (await machine.sh('cat /tmp/up')).trim()]
      await machine.sh('systemctl restart deployhook')
      await machine.sh(`kill -0 ${before[1] ?? ''}; systemctl is-active deployhook-api-${id}`)
      expect(await installed.property('MainPID')).not.toBe(before[0])
      expect(await installed.deployment(id)).toMatchObject({ state: 'running' })
      await machine.sh('touch /tmp/go')
      expect(await installed.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
      expect((await installed.log(id)).match(/ {3}(went on|second)$/gm)).toEqual(['   went on', '   second'])
      expect((await machine.sh('cat /tmp/up')).trim()).toBe(before[1])
      await installed.configure({})
    },
  )

  it('would be seen to refuse: without the socket its senders are told so', { timeout: 120_000 }, async () => {
    const answers = await underLoad(installed, async () => {
      await installed.machine.sh('systemctl stop deployhook.socket deployhook.service; sleep 1')
      await installed.machine.sh('systemctl start deployhook.socket deployhook.service')
    })
    expect(answers['ECONNREFUSED']).toBeGreaterThan(0)
  })
})
