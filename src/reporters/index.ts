import { command } from './command.ts'
import type { Reporter } from './reporter.ts'
import { webhook } from './webhook.ts'

export type { Reporter, ReporterContext, Told } from './reporter.ts'

/** Every kind of reporter that deploy.yml may name: a new one is a file of its own and a line here. */
export const reporters = { webhook, command } satisfies Record<string, Reporter>

/** The reporter of an entry of the map. Throws for an unknown kind: the map was checked, so that is a bug of ours. */
export function reporterOf(entry: { readonly kind: string }): Reporter {
  if (!isReporterKind(entry.kind)) throw new Error(`no kind of reporter is called ${JSON.stringify(entry.kind)}`)
  return reporters[entry.kind]
}

function isReporterKind(kind: string): kind is keyof typeof reporters {
  return Object.hasOwn(reporters, kind)
}
