import { z } from 'zod'
import { Secret } from '../../lib/secret.ts'
import { didYouMean, quoted } from '../did-you-mean.ts'
import { reporterOptionsOf } from '../entries.ts'
import { problemAt, problemAtKey, type Finding, type Path } from '../finding.ts'
import { revealedOptions } from '../resolve-reporters.ts'
import type { WrittenReporter } from '../reporter-schema.ts'
import { secretSource } from '../schema-parts.ts'
import type { Judged, Rule } from './rule.ts'

export const reporterKindIsKnown: Rule = ({ written, document, reporters }) =>
  reportersOf(written).flatMap(({ name, path, reporter }) => {
    if (reporter.kind !== undefined || Object.hasOwn(reporters, name) || document.has([...path, 'kind'])) return []
    return [problemAtKey(path, `has no kind: add kind: and one of ${Object.keys(reporters).join(', ')}`)]
  })

/** The schema lets the keys of every kind pass; here they meet the kind that is meant. */
export const reporterFitsKind: Rule = (judged) =>
  reportersOf(judged.written).flatMap(({ name, path, reporter }) => {
    const kind = reporter.kind ?? name
    const meant = Object.hasOwn(judged.reporters, kind) ? judged.reporters[kind] : undefined
    if (meant === undefined) return []
    const parsed = meant.options(secretSource).safeParse(reporterOptionsOf(reporter))
    if (!parsed.success)
      return parsed.error.issues.flatMap((issue) => misfit(issue, { kind, path, document: judged.document }))
    const options = revealedOptions(reporter, judged.secrets)
    // A secret that could not be read is told already.
    if (!meant.options(z.instanceof(Secret)).safeParse(options).success) return []
    const problem = meant.check(options)
    return problem === null ? [] : [problemAt([...path, problem.key], problem.problem)]
  })

function misfit(
  issue: z.core.$ZodIssue,
  { kind, path, document }: { readonly kind: string; readonly path: Path } & Pick<Judged, 'document'>,
): readonly Finding[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      problemAtKey([...path, key], `${kind} has no key ${quoted(key)}: it belongs to another kind of reporter`),
    )
  }
  const at: Path = [...path, ...(issue.path as Path)]
  // What is there and does not fit is told by the schema.
  if (document.has(at)) return []
  return [problemAtKey(path, `has no ${String(issue.path[0])}, which a reporter of the kind ${kind} needs`)]
}

/** A command of the daemon's own user, like a step. */
export const reporterIsAllowed: Rule = ({ written, machine }) => {
  const first = reportersOf(written).find(({ name, reporter }) => (reporter.kind ?? name) === 'command')
  if (machine.uid !== 0 || first === undefined || written.server?.allow_root_steps === true) return []
  const message =
    'would run as root: run deployhook as a user of its own, or allow it with server: { allow_root_steps: true }'
  return [{ ...problemAtKey(first.path, message), severity: machine.rootSteps === 'warn' ? 'warning' : 'error' }]
}

export const notifiedReporterExists: Rule = ({ written, document }) => {
  const names = document.keysOf(['reporters'])
  const wishes = [
    { path: ['defaults', 'notify'], notify: written.defaults?.notify ?? [] },
    ...Object.entries(written.apps).map(([name, { notify = [] }]) => ({ path: ['apps', name, 'notify'], notify })),
  ]
  return wishes.flatMap(({ path, notify }) =>
    notify.flatMap((wish, index) => {
      const [reporter, place] = typeof wish === 'string' ? [wish, []] : [wish.reporter, ['reporter']]
      if (names.includes(reporter)) return []
      const cure = names.length === 0 ? ': add it to reporters, at the top level' : didYouMean(reporter, names)
      return [problemAt([...path, index, ...place], `there is no reporter ${quoted(reporter)}${cure}`)]
    }),
  )
}

function reportersOf(
  written: Judged['written'],
): { readonly name: string; readonly path: Path; readonly reporter: WrittenReporter }[] {
  return Object.entries(written.reporters ?? {}).map(([name, reporter]) => ({
    name,
    path: ['reporters', name],
    reporter,
  }))
}
