import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { errorCode } from '../lib/error-code.ts'
import { ok, problem, warning, type Found } from './finding.ts'
import { isMended, knownHoles, type Hole } from './known-holes.ts'
import type { Check } from './patient.ts'

/** git, Node and SQLite against the table of known holes. */
export const checkVersions: Check = async ({ versions, changelogs }) => {
  const git = await versions.git()
  const newer = versions.isNodeOurs ? ', which comes with a newer package of deployhook' : ''
  const mended = git === null ? new Set<string>() : await mendedByTheDistribution(changelogs)
  return [
    ...(git === null
      ? [problem('git', 'there is no git in PATH, so nothing can be deployed', 'apt install git')]
      : judge('git', git, {
          newer: ', or to a package of your distribution whose changelog names it',
          isMendedOtherwise: (id) => mended.has(id),
        })),
    ...judge('Node', versions.node, { newer }),
    ...judge('SQLite', versions.sqlite, {
      newer: `, which comes with a newer ${versions.isNodeOurs ? 'package of deployhook' : 'Node'}`,
    }),
  ]
}

const never = (): boolean => false

function judge(
  program: Hole['program'],
  version: string,
  {
    newer,
    isMendedOtherwise = never,
  }: { readonly newer: string; readonly isMendedOtherwise?: (id: string) => boolean },
): readonly Found[] {
  const holes = knownHoles.filter((hole) => hole.program === program && !isMended(version, hole))
  const open = holes.flatMap((hole) => {
    const ids = hole.ids.filter((id) => !isMendedOtherwise(id))
    return ids.length === 0 ? [] : [{ ...hole, ids }]
  })
  if (open.length === 0) return [ok(`${program} ${version}`, 'no known hole')]
  return open.map(({ ids, what, reach, level, mendedIn, source }) => {
    const cure = `update to ${mendedIn.join(', ')} or later${newer} (${source})`
    const told = `${ids.join(', ')}: ${what} (${reach})`
    return (level === 'problem' ? problem : warning)(`${program} ${version}`, told, cure)
  })
}

/** Distributions mend their packages without a new version of git; Debian's and Ubuntu's changelogs name what they mended. */
async function mendedByTheDistribution(changelogs: readonly string[]): Promise<ReadonlySet<string>> {
  const texts = await Promise.all(changelogs.map(readChangelog))
  return new Set(texts.flatMap((text) => text.match(/CVE-\d{4}-\d{4,}/g) ?? []))
}

async function readChangelog(file: string): Promise<string> {
  try {
    const bytes = await readFile(file)
    return (file.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: 16 * 2 ** 20 }) : bytes).toString('utf8')
  } catch (error) {
    if (errorCode(error) !== null) return ''
    throw error
  }
}
