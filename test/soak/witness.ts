import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { processesOf, type World } from '../support/open-world.ts'
import { until } from '../support/until.ts'
import type { Told } from './told.ts'

/** What the world saw while the daemon was made to die: none of it is the daemon's own word. */
export type Witness = {
  /** A step that takes its time, and tells when another of its app is alive meanwhile, whoever started that. */
  readonly step: string
  /** Each overlap of two steps of one app, as they told it. */
  readonly overlaps: () => readonly string[]
}

/** `dir` is a directory outside of the daemon's own; `meanwhile` is what the step does while no other may be alive. */
export function createWitness(dir: string, { meanwhile = 'sleep 0.05' } = {}): Witness {
  const told = `${dir}/overlaps`
  return {
    // A process is known by its number and the time it started; a zombie has ended, however late it is reaped.
    step: [
      `lock=${dir}/lock-$DEPLOYHOOK_APP`,
      'began() { sed "s/.*) //" "/proc/$1/stat" 2> /dev/null | grep -v "^Z" | cut -d" " -f20; }',
      'if read -r pid start 2> /dev/null < "$lock" && [ "$pid" != $$ ] && [ "$(began "$pid")" = "$start" ]; then',
      `  echo "$DEPLOYHOOK_APP: deployment $DEPLOYHOOK_DEPLOYMENT ran beside process $pid" >> ${told}; exit 9`,
      'fi',
      'echo "$$ $(began $$)" > "$lock"',
      'echo alone',
      meanwhile,
      'rm "$lock"',
    ].join('\n'),
    overlaps: () => (existsSync(told) ? readFileSync(told, 'utf8').trimEnd().split('\n') : []),
  }
}

/** What a client was told, and must therefore be true for ever. */
export type Acknowledged = { readonly id: string; readonly deployments: readonly number[] }

/** Those of the acknowledged deliveries that the database does not know. */
export function missingFrom(world: World, acknowledged: readonly Acknowledged[]): readonly string[] {
  using database = new DatabaseSync(world.path('state', 'state.db'), { readOnly: true })
  const known = database.prepare('select 1 from deliveries where provider_id = ?')
  return acknowledged.filter(({ id }) => known.get(id) === undefined).map(({ id }) => id)
}

/** Waits until nothing is queued or runs, then tells every promise that does not hold. */
export async function broken(
  world: World,
  {
    acknowledged,
    tips,
    told,
  }: {
    readonly acknowledged: readonly Acknowledged[]
    readonly tips: ReadonlyMap<string, string>
    readonly told?: Told
  },
): Promise<readonly string[]> {
  await until('the queue to be empty', async () => {
    const { body } = await world.daemon.api('/api/deployments?state=queued&limit=1')
    const running = (await world.daemon.api('/api/deployments?state=running&limit=1')).body
    return [body, running].every(({ deployments }: { deployments: readonly unknown[] }) => deployments.length === 0)
  })
  const live = ((await world.daemon.api('/api/apps')).body as Apps).apps
  await told?.settled(world)
  world.daemon.kill('SIGTERM')
  await world.daemon.ended
  return [
    ...missingFrom(world, acknowledged).map((id) => `delivery ${id} was acknowledged and is not there`),
    ...unsettled(world, acknowledged),
    ...(told?.problems(world) ?? []),
    ...[...tips].flatMap(([app, tip]) => {
      const revision = live.find(({ name }) => name === app)?.live.revision
      return revision === tip ? [] : [`${app}: ${revision ?? 'nothing'} is live, ${tip} was pushed`]
    }),
    ...processesOf(world.dir).map(({ command }) => `left running: ${command}`),
  ]
}

type Apps = { readonly apps: readonly { readonly name: string; readonly live: { readonly revision: string | null } }[] }

function unsettled(world: World, acknowledged: readonly Acknowledged[]): readonly string[] {
  using database = new DatabaseSync(world.path('state', 'state.db'), { readOnly: true })
  const integrity = String(database.prepare('pragma integrity_check').get()?.['integrity_check'])
  const find = database.prepare(
    `select state, outcome, reason, superseded_by, exists (select 1 from steps where deployment = deployments.id) as has_steps
     from deployments where id = ?`,
  )
  const logs = new Set(readdirSync(world.path('state', 'logs')))
  const problems = acknowledged.flatMap(({ id, deployments }) =>
    deployments.flatMap((deployment) => {
      const row = find.get(deployment)
      if (row === undefined) return [`deployment ${deployment} of delivery ${id} is not there`]
      if (row['state'] !== 'done') return [`deployment ${deployment} is ${String(row['state'])} for ever`]
      if (row['outcome'] === 'superseded' && row['superseded_by'] === null) return [`${deployment}: superseded by none`]
      if (!['succeeded', 'superseded', 'cancelled'].includes(String(row['outcome'])) && row['reason'] === null)
        return [`deployment ${deployment} ended ${String(row['outcome'])} without a reason`]
      if (row['has_steps'] === 1 && !logs.has(`${deployment}.log`)) return [`deployment ${deployment} has no log`]
      return []
    }),
  )
  return integrity === 'ok' ? problems : [`the database is not whole: ${integrity}`, ...problems]
}
