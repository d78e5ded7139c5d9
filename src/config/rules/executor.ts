import { problemAt } from '../finding.ts'
import type { Rule } from './rule.ts'

/** What only systemd can hold a step to must not be written where it is not asked. Whether it can is seen at the start. */
export const limitsNeedSystemd: Rule = ({ entries }) =>
  entries.flatMap(({ app, placeOf }) =>
    app.executor !== 'process'
      ? []
      : (['limits', 'sandbox'] as const)
          .filter((key) => Object.keys(app[key] ?? {}).length > 0)
          .map((key) =>
            problemAt(
              placeOf(key),
              'is for systemd to enforce, and executor: process does without it: take one of them out',
            ),
          ),
  )

/** What its own sandbox would keep it from. */
export const sandboxFits: Rule = ({ entries }) =>
  entries.flatMap(({ app, placeOf }) => {
    const { protect_system, read_write_paths } = app.sandbox ?? {}
    return read_write_paths !== undefined && protect_system === undefined
      ? [
          problemAt(
            [...placeOf('sandbox'), 'read_write_paths'],
            'opens nothing, as nothing is closed: add protect_system: strict',
          ),
        ]
      : []
  })
