import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'
import { openInstalled, type Installed } from './support/installed.ts'
import { whyNoMachine } from './support/machine.ts'

const why = whyNoMachine()
const patience = { timeout: 180_000 }
const dropIns = '/usr/share/doc/deployhook/systemd/drop-ins'

describe.skipIf(why !== null)(
  `the Debian package under a booted systemd${why === null ? '' : ` (skipped: ${why})`}`,
  () => {
    let installed: Installed
    const machine = () => installed.machine
    beforeAll(async () => {
      installed = await openInstalled()
    }, 300_000)
    afterAll(async () => {
      await installed[Symbol.asyncDispose]()
    }, 60_000)

    it(
      'is a service that runs as soon as it is installed, with what is nobody else’s business closed',
      patience,
      async () => {
        expect((await machine().try('systemctl --failed --no-legend "deployhook*"')).stdout).toBe('')
        expect(await machine().sh('systemctl is-active deployhook.socket deployhook.service')).toBe('active\nactive\n')
        expect(await machine().sh('systemctl is-enabled deployhook.socket deployhook.service')).toBe(
          'enabled\nenabled\n',
        )
        expect(await installed.property('User')).toBe('deployhook')
        const places = ['/etc/deployhook', '/etc/deployhook/deploy.yml', '/etc/deployhook/secrets/github']
        const more = [
          '/etc/deployhook/credentials',
          '/var/lib/deployhook',
          '/run/deployhook',
          '/run/deployhook/control.sock',
        ]
        expect(
          (await machine().sh(`stat -c '%a %U:%G %n' ${[...places, ...more].join(' ')}`)).trimEnd().split('\n'),
        ).toEqual([
          '750 root:deployhook /etc/deployhook',
          '640 root:deployhook /etc/deployhook/deploy.yml',
          '640 root:deployhook /etc/deployhook/secrets/github',
          '700 root:root /etc/deployhook/credentials',
          '700 deployhook:deployhook /var/lib/deployhook',
          '750 deployhook:deployhook /run/deployhook',
          '660 deployhook:deployhook /run/deployhook/control.sock',
        ])
        expect(await machine().sh('cat /etc/deployhook/secrets/github')).toMatch(/^[0-9a-f]{64}$/)
        expect(await machine().sh('deployhook check')).toContain('is right: 1 webhook')
        expect(
          (await machine().try('systemd-analyze verify deployhook.service deployhook.socket 2>&1 | grep deployhook'))
            .stdout,
        ).toBe('')
      },
    )

    it(
      'deploys a signed push, with npm and git under the hardened unit, and says so in systemctl status',
      patience,
      async () => {
        const steps = [
          'echo \'{"name":"x","scripts":{"build":"cp page built"}}\' >package.json; npm install',
          'npm run build',
          'sleep 2',
        ]
        await installed.configure({ blog: { steps } })
        const id = await installed.ship('one')
        await until(
          'systemctl to tell of it',
          async () => (await installed.property('StatusText')) === `deploying blog (${id})`,
        )
        expect(await installed.done(id)).toMatchObject({ outcome: 'succeeded' })
        expect(await machine().sh('cat /srv/blog/built')).toBe('one\n')
        await until('systemctl to tell of the end', async () => (await installed.property('StatusText')) === 'idle')
      },
    )

    it('refuses what is not signed, and what the unit does not allow', patience, async () => {
      const forged = `curl -s -o /dev/null -w '%{http_code}' -H 'x-github-event: push' -H 'x-hub-signature-256: sha256=${'0'.repeat(64)}' -d '{}' 127.0.0.1:9000/hooks/github`
      expect(await machine().sh(forged)).toBe('401')
      const forbidden = [
        'touch /etc/planted',
        'touch /usr/planted',
        'ls /home',
        'unshare --user true',
        'cat /etc/deployhook/credentials/*',
      ]
      await installed.configure({ blog: { steps: forbidden.map((what) => `if ${what}; then echo COULD; fi`) } })
      const id = await installed.ship('two')
      expect(await installed.done(id)).toMatchObject({ outcome: 'succeeded' })
      expect((await installed.log(id)).split('\n').filter((line) => line.endsWith(' COULD'))).toEqual([])
    })

    it('is judged by doctor for its own user, also when it is stopped and root asks', patience, async () => {
      await installed.configure({ blog: { steps: ['true'] } })
      await machine().sh('systemctl stop deployhook.socket deployhook.service')
      const { stdout } = await machine().try('deployhook doctor')
      await machine().sh('systemctl start deployhook.socket deployhook.service')
      expect(stdout).toContain('problem  daemon: does not run')
      expect(stdout).toContain('ok       /etc/deployhook/deploy.yml: is right')
      expect(stdout).not.toContain('would run as root')
    })

    it('opens its socket again by what doctor says', patience, async () => {
      await machine().sh('systemctl stop deployhook.socket deployhook.service; systemctl start deployhook.service')
      const { stdout } = await machine().try('deployhook doctor')
      const [, cure = ''] = /deployhook\.socket: is installed and inactive.* → (.*)/.exec(stdout) ?? []
      await machine().sh(cure)
      expect(await machine().sh('systemctl is-active deployhook.socket deployhook.service')).toBe('active\nactive\n')
    })

    it('gives credentials to the daemon and not to its steps', patience, async () => {
      const secret = (await machine().sh('cat /etc/deployhook/secrets/github')).trim()
      await machine().sh('install -m 0600 /etc/deployhook/secrets/github /etc/deployhook/credentials/github')
      await installed.dropIn(await machine().sh(`cat ${dropIns}/credentials.conf`))
      const look = `env >seen; tr '\\0' '\\n' </proc/$PPID/environ >>seen; cat /proc/[0-9]*/cmdline >>seen 2>/dev/null; test -z "\${CREDENTIALS_DIRECTORY-}"`
      await installed.configure({ blog: { steps: [look] } }, { credential: 'github' })
      const id = await installed.ship('three') // Signed with that very secret.
      expect(await installed.done(id)).toMatchObject({ outcome: 'succeeded' })
      expect(await machine().sh('cat /srv/blog/seen')).toContain('DEPLOYHOOK_APP=blog')
      expect(await machine().sh('cat /srv/blog/seen')).not.toContain(secret)
      expect(await machine().sh('runuser -u deployhook -- deployhook check')).toContain('is right')
    })

    it('is started again after kill -9, and runs anew what was running', patience, async () => {
      await installed.configure({ blog: { steps: ['test -e /srv/blog/go || { touch /srv/blog/up; sleep 300; }'] } })
      const id = await installed.ship('four')
      await until('the step', async () => (await machine().try('test -e /srv/blog/up')).code === 0)
      await machine().sh('touch /srv/blog/go; kill -9 $(systemctl show -P MainPID deployhook)')
      expect(await installed.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 2 })
      expect((await machine().try('ps -C sleep -o args=')).stdout).toBe('')
      expect(await installed.property('NRestarts')).toBe('1')
    })

    it('is started again by the watchdog when it hangs', patience, async () => {
      await installed.dropIn('[Service]\nWatchdogSec=4s')
      const pid = await installed.property('MainPID')
      await machine().sh(`kill -STOP ${pid}`)
      await until('another daemon', async () => !['0', pid].includes(await installed.property('MainPID')), {
        everyMs: 200,
      })
      expect(await machine().sh('journalctl -u deployhook.service -o cat')).toContain('Watchdog timeout')
      await until('it to be ready', async () => (await installed.property('ActiveState')) === 'active')
      expect(await installed.push(await installed.commit('five'))).toMatchObject({ status: 202 })
    })

    it('lets what runs end at a reboot, and deploys afterwards what was waiting', patience, async () => {
      await installed.configure({
        blog: { steps: ['touch up; sleep 4; cp page built'] },
        shop: { steps: ['cp page built'] },
      })
      const { body } = await installed.push(await installed.commit('six'))
      const { deployments } = body as unknown as { deployments: readonly { id: number; app: string }[] }
      const [blog, shop] = ['blog', 'shop'].map((app) => deployments.find((one) => one.app === app)?.id ?? 0) as [
        number,
        number,
      ]
      await until('the step', async () => (await machine().try('test -e /srv/blog/up')).code === 0)
      expect(await installed.deployment(shop)).toMatchObject({ state: 'queued' })
      await machine().reboot()
      expect(await installed.done(shop)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
      expect(await installed.done(blog)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
      expect(await machine().sh('cat /srv/blog/built /srv/shop/built')).toBe('six\nsix\n')
    })

    it(
      'as root runs the steps of run_as apart: credentials, secrets, state and memory of the daemon are out of their sight',
      patience,
      async () => {
        const dropIn = await machine().sh(`cat ${dropIns}/root.conf ${dropIns}/credentials.conf`)
        await installed.configure({}) // root would refuse to run the steps of the others
        await installed.dropIn(dropIn)
        await machine().sh('install -d /srv/api')
        const pid = await installed.property('MainPID')
        const files = [
          '/run/credentials/deployhook.service/*',
          '/etc/deployhook/secrets/github',
          '/etc/deployhook/deploy.yml',
        ]
        const more = ['/var/lib/deployhook/state.db', `/proc/${pid}/environ`, `/proc/${pid}/mem`]
        const look = [...files, ...more].map(
          (file) => `if head -c1 ${file} >/dev/null 2>&1; then echo COULD ${file}; fi`,
        )
        const steps = ['test "$(id -un)" = nobody', 'test -z "${CREDENTIALS_DIRECTORY-}"', ...look]
        await installed.configure({ api: { strategy: 'releases', run_as: 'nobody', steps } }, { credential: 'github' })
        const id = await installed.ship('seven')
        expect(await installed.done(id)).toMatchObject({ outcome: 'succeeded' })
        expect((await installed.log(id)).split('\n').filter((line) => line.includes('  COULD'))).toEqual([])
        // The same question, asked by the daemon's own user: it is one that can be answered with yes.
        expect(await machine().sh('head -c1 /run/credentials/deployhook.service/github')).toMatch(/^[0-9a-f]$/)
        await installed.configure({})
        await machine().sh(
          'rm /etc/systemd/system/deployhook.service.d/test.conf; systemctl daemon-reload; systemctl restart deployhook',
        )
      },
    )

    it('is gone after its removal, all but what is yours; purged, that too', patience, async () => {
      await machine().sh('dpkg --remove deployhook')
      expect((await machine().try('systemctl is-active deployhook.socket deployhook.service')).stdout).not.toContain(
        'active\nactive',
      )
      expect((await machine().try('command -v deployhook; ls /usr/lib/deployhook')).stdout).toBe('')
      await machine().sh(
        'test -s /var/lib/deployhook/state.db; test -s /etc/deployhook/deploy.yml; test -s /etc/deployhook/secrets/github',
      )
      // As `init` and a person's own hands leave them there.
      await machine().sh('touch /etc/deployhook/blog.key /etc/deployhook/deploy.yml.20261124T120000Z')
      await machine().sh('dpkg --purge deployhook')
      expect(
        (await machine().try('ls -d /var/lib/deployhook /etc/deployhook /run/deployhook 2>/dev/null')).stdout,
      ).toBe('')
      expect(await machine().sh('cat /srv/blog/built')).toBe('six\n')
      expect((await machine().try('systemctl --failed --no-legend "deployhook*"')).stdout).toBe('')
    })
  },
)
