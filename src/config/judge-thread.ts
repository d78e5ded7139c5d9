import { answerTask, threadTask } from '../lib/thread.ts'
import type { Task, Told, ToldPart } from './judge-apart.ts'
import { judgeDeployFile, type Sound } from './judge.ts'
import { secretPlaces } from './secret-places.ts'

/** Taken in within a millisecond or two. */
const appsInPart = 100

// The other side of judge-apart.ts.
const { file, options, apps } = (await threadTask()) as Task
const verdict = await judgeDeployFile(file, options)
answerTask(verdict.kind === 'refused' ? verdict : tell(verdict))

function tell({ kind, file, written, secrets, secretFiles, warnings }: Sound): Told {
  const all = Object.entries(written.apps)
  const parts = Math.ceil(all.length / appsInPart)
  for (let part = 0; part < parts; part++) {
    const some = Object.fromEntries(all.slice(part * appsInPart, (part + 1) * appsInPart))
    const told: ToldPart = { apps: some, secrets: namedIn({ apps: some }) }
    apps.postMessage(told)
  }
  const rest = { ...written, apps: {} }
  return { kind, file, written: rest, secrets: namedIn(rest), secretFiles, parts, warnings }

  function namedIn(some: Sound['written']): ToldPart['secrets'] {
    const named = new Set(secretPlaces(some).map(({ source }) => source))
    return new Map(
      [...secrets].filter(([source]) => named.has(source)).map(([source, secret]) => [source, secret.reveal()]),
    )
  }
}
