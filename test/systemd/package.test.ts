import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtPackages, root } from '../packaging/built.ts'
import { until } from '../support/until.ts'
import { nextVersion, openInstalled, type Installed } from './support/installed.ts'
import { whyNoMachine } from './support/machine.ts'

const why = whyNoMachine()
const patience = { timeout: 90_000 }
const units = 'deployhook.socket deployhook.service'

const proxies = [
  {
    name: 'nginx',
    tcp: 'proxy_pass http://127.0.0.1:9000',
    unix: 'proxy_pass http://unix:/run/deployhook.sock',
    command: 'nginx',
    url: 'http://127.0.0.1:8081',
    whole: (snippet: string) =>
      `events {}\nhttp { server { listen 127.0.0.1:8081; ${snippet}\nlocation / { return 404; } } }`,
    start: (file: string) => `nginx -c ${file} >/dev/null 2>&1`,
  },
  {
    name: 'Caddy',
    tcp: 'reverse_proxy 127.0.0.1:9000',
    unix: 'reverse_proxy unix//run/deployhook.sock',
    command: 'caddy',
    url: 'http://127.0.0.1:8082',
    whole: (snippet: string) => snippet.replace('deploy.example.com', 'http://127.0.0.1:8082'),
    start: (file: string) => `caddy start --adapter caddyfile --config ${file} >/dev/null 2>&1`,
  },
]

describe.skipIf(why !== null)(`the Debian package${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let installed: Installed
  let deb: string
  const sh = (script: string) => installed.machine.sh(script)
  const yours = () =>
    sh('cat /etc/deployhook/secrets/github /etc/deployhook/deploy.yml; stat -c %a%U%G /etc/deployhook/*')
  const states = async () =>
    (await installed.machine.try(`systemctl is-active ${units} || true; systemctl is-enabled ${units}`)).stdout
  const running = 'active\nactive\nenabled\nenabled\n'
  beforeAll(async () => {
    ;({ deb } = await builtPackages())
    installed = await openInstalled()
    await installed.configure({ blog: { steps: ['true'] } })
  }, 300_000)
  afterAll(async () => {
    await installed[Symbol.asyncDispose]()
  }, 60_000)

  it(
    'installed again, by an older one, and configured twice, keeps running and keeps what is yours',
    patience,
    async () => {
      const before = await yours()
      await sh(`dpkg -i ${deb}; dpkg --configure -a; dpkg --configure -a`)
      expect([await states(), await yours()]).toEqual([running, before])
      const older = await nextVersion(installed.machine, '0.0.9')
      await sh(`apt-get install -y -qq --no-install-recommends --allow-downgrades ${older}; rm ${older}`)
      expect(await sh('deployhook --version')).toBe('0.0.9\n')
      expect([await states(), await yours()]).toEqual([running, before])
    },
  )

  it('leaves a service that was disabled and stopped as it is', patience, async () => {
    await sh(`systemctl disable --now ${units}`)
    await sh(`dpkg -i ${deb}`)
    expect(await states()).toMatch(/disabled\ndisabled\n$/)
    await sh(`systemctl enable --now ${units}`)
  })

  it('is removed and installed where no systemd runs, and starts once there is one', patience, async () => {
    const without = (script: string) => sh(`unshare --mount sh -ec 'mount -t tmpfs tmpfs /run/systemd; ${script}' 2>&1`)
    await sh(`systemctl stop ${units}`)
    await without('dpkg --purge deployhook')
    expect((await installed.machine.try('ls -d /etc/deployhook /var/lib/deployhook')).stdout).toBe('')
    expect(await without(`dpkg -i ${deb}; dpkg --configure -a`)).not.toMatch(/error|fail/i)
    expect(await sh("dpkg-query --show --showformat '${Status}' deployhook")).toBe('install ok installed')
    expect(await sh('cat /etc/deployhook/secrets/github')).toMatch(/^[0-9a-f]{64}$/)
    expect(await sh("stat -c '%a %U' /var/lib/deployhook")).toBe('700 deployhook\n')
    expect((await installed.machine.try("pgrep -f '[d]ist/main.js'")).stdout).toBe('')
    await sh(`systemctl daemon-reload; systemctl start ${units}`)
    expect(await states()).toBe(running)
  })

  describe('with a Unix socket, behind a proxy as README.md has it', () => {
    beforeAll(async () => {
      await sh(`mkdir -p /etc/systemd/system/deployhook.socket.d
        printf '[Socket]\\nListenStream=\\nListenStream=/run/deployhook.sock\\n' >/etc/systemd/system/deployhook.socket.d/path.conf
        systemctl daemon-reload; systemctl stop ${units}; systemctl start ${units}`)
      await installed.configure({ blog: { steps: ['true'] } })
    }, 60_000)

    const tried = proxies.map((proxy) => ({
      ...proxy,
      note: has(proxy.command) ? '' : ' (skipped: it is not installed)',
    }))
    it.for(tried)('$name lets signed pushes in, and nothing else$note', patience, async (proxy, { skip }) => {
      skip(proxy.note !== '', 'it is not installed')
      const { name, tcp, unix } = proxy
      const snippet = snippetOf(tcp)
      await sh(
        `cat >/root/${name}.conf <<'END'\n${proxy.whole(snippet.replace(tcp, unix))}\nEND\n${proxy.start(`/root/${name}.conf`)}`,
      )
      const status = async (path: string) =>
        (await installed.machine.try(`curl -s -o /dev/null -w '%{http_code}' ${proxy.url}${path}`)).stdout
      await until('the proxy', async () => (await status('/')) === '404')
      const hook = `${proxy.url}/hooks/github`
      const answer = await installed.push(await installed.commit(name), hook)
      expect(answer).toMatchObject({ status: 202 })
      expect(await sh(`curl -s -o /dev/null -w '%{http_code}' -H 'x-github-event: push' -d '{}' ${hook}`)).toBe('401')
      for (const path of ['/', '/healthz', '/api/deployments', '/metrics'])
        expect([path, await status(path)]).toEqual([path, '404'])
      const [newest] = await installed.deployments()
      expect(await installed.done(newest?.id ?? 0)).toMatchObject({ outcome: 'succeeded' })
    })
  })
})

/** The block of README.md that has these words in it. */
function snippetOf(words: string): string {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^ *```\w*\n([^`]*?)^ *```$/gm)]
  const found = blocks.map(([, text = '']) => text).find((text) => text.includes(words))
  if (found === undefined) throw new Error(`README.md has no block with ${words}`)
  return found
}

function has(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
}
