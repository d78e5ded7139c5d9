import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { json } from 'node:stream/consumers'
import type { World } from '../support/open-world.ts'
import { until } from '../support/until.ts'

/** Who is told how deployments end, outside of the daemon, and remembers all that it is told. */
export type Told = AsyncDisposable & {
  /** For an app in deploy.yml. */
  readonly notify: readonly object[]
  /** Adds what `notify` names to deploy.yml as it is written. */
  addTo(world: World): Promise<void>
  /** Waits until the daemon has nothing to tell any more; not for ever, for `problems` says what was never told. */
  settled(world: World): Promise<void>
  /** How that deployment ended, as told: each end once, however often it was told. */
  endsOf(deployment: number): readonly string[]
  /** Deployments that have ended and of which nothing was told, or something else: each a sentence. */
  problems(world: World): readonly string[]
}

export async function openTold(): Promise<Told> {
  const reports = new Map<number, Report[]>()
  const server = createServer((request, response) => {
    void json(request).then(
      (body) => {
        const report = body as Report
        const { id } = report.deployment
        reports.set(id, [...(reports.get(id) ?? []), report])
        response.writeHead(204).end()
      },
      () => request.destroy(), // the daemon died while it told
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const endsOf = (deployment: number): readonly string[] => [
    ...new Set((reports.get(deployment) ?? []).map(({ outcome }) => outcome)),
  ]

  return {
    notify: [{ reporter: 'witness', on: ['failed', 'succeeded'] }],

    async addTo(world) {
      const secret = { file: world.path('reports.secret') }
      await writeFile(secret.file, `whsec_${randomBytes(32).toString('base64')}`, { mode: 0o600 })
      const witness = { kind: 'webhook', url: `http://127.0.0.1:${port}/`, allow_private: true, secret }
      const map = JSON.parse(await readFile(world.path('deploy.yml'), 'utf8')) as object
      await writeFile(world.path('deploy.yml'), JSON.stringify({ ...map, reporters: { witness } }), { mode: 0o600 })
    },

    async settled(world) {
      const isSettled = async (): Promise<boolean> => {
        const { reporters } = (await world.daemon.api('/api/status')).body as Status
        return reporters.every(({ pending }) => pending === 0)
      }
      await until('all to be told', isSettled, { withinMs: 20_000 }).catch(() => undefined)
    },

    endsOf,

    problems(world) {
      using database = new DatabaseSync(world.path('state', 'state.db'), { readOnly: true })
      const known = new Map(
        database
          .prepare('select id, outcome from deployments')
          .all()
          .map(({ id, outcome }) => [Number(id), String(outcome)] as const),
      )
      const untold = [...known].flatMap(([id, outcome]) => {
        if (!outcomesTold.has(outcome) || endsOf(id).includes(outcome)) return []
        return [`deployment ${id} ended ${outcome}, and nobody was told`]
      })
      const untrue = [...reports.keys()].flatMap((id) =>
        endsOf(id).flatMap((end) =>
          known.get(id) === end ? [] : [`told: deployment ${id} ended ${end}, as it did not`],
        ),
      )
      const doubled = [...reports].flatMap(([deployment, all]) => {
        const ids = new Set(all.map(({ id }) => id))
        return ids.size === 1 ? [] : [`deployment ${deployment} was told of as ${ids.size} things`]
      })
      return [...untold, ...untrue, ...doubled]
    },

    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What `failed` and `succeeded` stand for. */
const outcomesTold = new Set(['succeeded', 'failed', 'timed_out', 'interrupted', 'rolled_back'])

type Status = { readonly reporters: readonly { readonly pending: number }[] }
type Report = { readonly id: string; readonly outcome: string; readonly deployment: { readonly id: number } }
