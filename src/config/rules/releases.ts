import { isWithin } from '../../lib/path-within.ts'
import { tidyPath } from '../../lib/tidy-path.ts'
import { quoted } from '../did-you-mean.ts'
import { problemAt, problemAtKey } from '../finding.ts'
import { resolveWindow } from '../resolve-window.ts'
import type { Rule } from './rule.ts'

/** Those of `defaults` are for the apps that have releases. */
export const keysOfReleases: Rule = ({ entries, document }) =>
  entries.flatMap(({ name, app, isOwn }) => {
    const isUnread = app.strategy === undefined && document.has(['apps', name, 'strategy'])
    if (app.strategy === 'releases' || isUnread) return []
    return (['shared', 'keep'] as const)
      .filter(isOwn)
      .map((key) =>
        problemAtKey(['apps', name, key], 'is for strategy: releases alone: add that to the app, or take this out'),
      )
  })

/** A link inside a linked directory would be made in what all releases share. */
export const sharedPathsAreApart: Rule = ({ entries }) =>
  entries.flatMap(({ app, placeOf }) => {
    const paths = (app.shared ?? []).map(tidyPath)
    return paths.flatMap((path, index) => {
      const at = [...placeOf('shared'), index]
      if (paths.indexOf(path) < index) return [problemAt(at, 'is in the list already: take one out')]
      const outer = paths.find((other) => other !== path && isWithin(path, other))
      return outer === undefined
        ? []
        : [problemAt(at, `lies in ${quoted(outer)}, which is shared as a whole: take one of them out`)]
    })
  })

/** Croner knows no years, so that any time will do to look from. */
export const windowsOpen: Rule = ({ entries }) =>
  entries.flatMap(({ app, placeOf }) =>
    (app.windows ?? []).flatMap((window, index) =>
      resolveWindow(window).nextAfter(new Date(0)) === null
        ? [problemAt([...placeOf('windows'), index], 'never opens: no year has such a day')]
        : [],
    ),
  )
