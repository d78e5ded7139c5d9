import { join } from 'node:path'
import { stringify } from 'yaml'
import { builtPackages, root } from '../../packaging/built.ts'
import { until } from '../../support/until.ts'
import { bootMachine, type Machine } from './machine.ts'

/** What the API tells of a deployment, as far as it is looked at. */
export type Seen = {
  readonly id: number
  readonly app: string
  readonly state: string
  readonly outcome: string | null
  readonly attempts: number
  readonly revision: string | null
}

/** A machine with the Debian package on it, and a bare repository that stands for the git host. */
export type Installed = {
  readonly machine: Machine
  /** Writes deploy.yml with these apps, all of the one repository, and waits until the daemon has taken it over. */
  configure(apps: Readonly<Record<string, object>>, secret?: object): Promise<void>
  /** Commits and pushes to the bare repository; resolves to the revision. */
  commit(page: string): Promise<string>
  /** Signs and sends the push, as the git host would. */
  push(revision: string, url?: string): Promise<{ readonly status: number; readonly body: { readonly result: string } }>
  /** Both: resolves to the newest deployment that it made. */
  ship(page: string): Promise<number>
  deployment(id: number): Promise<Seen>
  deployments(): Promise<readonly Seen[]>
  done(id: number): Promise<Seen>
  log(id: number): Promise<string>
  property(name: string): Promise<string>
  /** Puts a drop-in of the unit in place, and restarts. */
  dropIn(text: string): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Boots a machine, and installs the package as README.md says. */
export async function openInstalled(): Promise<Installed> {
  const { deb } = await builtPackages()
  const machine = await bootMachine()
  try {
    await machine.sh(`apt-get install -y -qq --no-install-recommends ${deb}`) // what is recommended is not to be had offline
    await machine.sh(prepare)
  } catch (error) {
    await machine[Symbol.asyncDispose]()
    throw error
  }

  const installed: Installed = {
    machine,
    async configure(apps, secret = { file: 'secrets/github' }) {
      const whole = Object.entries(apps).map(([name, app]) => [name, { ...everyApp, path: `/srv/${name}`, ...app }])
      const text = stringify({ webhooks: { github: { secret } }, apps: Object.fromEntries(whole) as object })
      const names = Object.keys(apps).sort().join(' ')
      await machine.sh(`cat >/etc/deployhook/deploy.yml <<'END'\n${text}END\ndeployhook reload`)
      await until(`the apps ${names}`, async () => {
        const { apps: taken } = await ask<{ apps: readonly { name: string }[] }>('apps')
        return (
          taken
            .map(({ name }) => name)
            .sort()
            .join(' ') === names
        )
      })
    },
    async commit(page) {
      const script = `cd /root/site; echo '${page}' >page; git add page; git commit -q --allow-empty -m '${page}'; git push -q origin HEAD:main; git rev-parse HEAD`
      return (await machine.sh(script)).trim()
    },
    async push(revision, url = '') {
      return JSON.parse(await machine.sh(pushing(`once ${revision} ${url}`))) as Awaited<ReturnType<Installed['push']>>
    },
    async ship(page) {
      const { body } = await installed.push(await installed.commit(page))
      const { deployments } = body as unknown as { deployments: readonly { id: number }[] }
      return Math.max(...deployments.map(({ id }) => id))
    },
    deployment(id) {
      return ask<Seen>(`show ${id}`)
    },
    async deployments() {
      return (await ask<{ deployments: readonly Seen[] }>('deployments')).deployments
    },
    done: (id) =>
      until(
        `deployment ${id} to be done`,
        async () => {
          const seen = await installed.deployment(id).catch(() => null) // There may be no daemon this very moment.
          return seen?.state === 'done' ? seen : null
        },
        { withinMs: 90_000, everyMs: 300 },
      ),
    log: (id) => machine.sh(`deployhook logs ${id}`),
    property: async (name) => (await machine.sh(`systemctl show -P ${name} deployhook.service`)).trim(),
    async dropIn(text) {
      const directory = '/etc/systemd/system/deployhook.service.d'
      await machine.sh(`mkdir -p ${directory}; cat >${directory}/test.conf <<'END'\n${text}\nEND
        systemctl daemon-reload; systemctl restart deployhook`)
    },
    [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose](),
  }
  return installed

  async function ask<Answer>(command: string): Promise<Answer> {
    return JSON.parse(await machine.sh(`deployhook ${command} --json`)) as Answer
  }
}

const node = '/usr/lib/deployhook/bin/node'

/** The shell text that runs push.ts in the machine, on the Node of the package. */
export function pushing(args: string): string {
  return `${node} ${join(root, 'test/systemd/support/push.ts')} ${args}`
}

/** The same package with a higher version, in a new file. */
export async function nextVersion(machine: Machine, version: string): Promise<string> {
  const { deb } = await builtPackages()
  const made = `/root/deployhook_${version}.deb`
  await machine.sh(`
    dpkg-deb -R ${deb} /root/next
    sed -i 's/^Version: .*/Version: ${version}/' /root/next/DEBIAN/control
    sed -i 's/"version": "[^"]*"/"version": "${version}"/' /root/next/usr/lib/deployhook/package.json
    dpkg-deb --root-owner-group -Zgzip -z1 -b /root/next ${made} >/dev/null
    rm -r /root/next`)
  return made
}

const everyApp = { repo: '/srv/git/blog.git', aliases: ['github.com/acme/blog'], catch_up: 'off' }

const prepare = `
  install -d -o deployhook -g deployhook /srv/blog /srv/shop
  git init -q --bare -b main /srv/git/blog.git
  git clone -q /srv/git/blog.git /root/site 2>/dev/null
  git -C /root/site config user.name Alice
  git -C /root/site config user.email alice@example.com`
