/** A known hole of a program that deployhook stands on, and the versions that mended it. */
export type Hole = {
  readonly program: 'git' | 'Node' | 'SQLite'
  readonly ids: readonly string[]
  readonly what: string
  /** What it means for deployhook. */
  readonly reach: string
  readonly level: 'warning' | 'problem'
  /** One for each line of versions that was mended, the newest last; what is newer than that has it from the start. */
  readonly mendedIn: readonly [string, ...string[]]
  /** How many numbers make a line: 2.51 of git, 24 of Node. */
  readonly lineParts: 1 | 2
  readonly source: string
}

/** docs/versions.md shows this table, and a test holds the two together. */
export const knownHoles: readonly Hole[] = [
  {
    program: 'git',
    ids: ['CVE-2025-48384', 'CVE-2025-48385'],
    what: 'a submodule path with a carriage return runs a hook; a bundle URI writes where it likes',
    reach: 'deployhook fetches no submodules and switches bundle URIs off; your steps may do otherwise',
    level: 'warning',
    mendedIn: ['2.43.7', '2.44.4', '2.45.4', '2.46.4', '2.47.3', '2.48.2', '2.49.1', '2.50.1'],
    lineParts: 2,
    source: 'https://github.com/git/git/blob/master/Documentation/RelNotes/2.43.7.adoc',
  },
  {
    program: 'git',
    ids: ['CVE-2026-111760', 'CVE-2026-113408'],
    what: 'a recursive clone runs what the repository says; a clone writes files outside of it',
    reach: 'deployhook never clones, and fetches refs that it names; your steps may do otherwise',
    level: 'warning',
    mendedIn: ['2.50.2', '2.51.3', '2.56.1'],
    lineParts: 2,
    source: 'https://raw.githubusercontent.com/git/git/refs/heads/master/Documentation/RelNotes/2.51.3.adoc',
  },
  {
    program: 'Node',
    ids: ['CVE-2026-111497', 'CVE-2026-105483', 'CVE-2026-106069'],
    what: 'a Brotli stream writes out of bounds; TLS takes a certificate for another host',
    reach: 'deployhook unpacks no Brotli; it tells reports over TLS',
    level: 'warning',
    mendedIn: ['22.23.4', '24.22.1', '26.12.1'],
    lineParts: 1,
    source: 'https://nodejs.org/en/blog/vulnerability/october-2026-security-releases',
  },
  {
    program: 'SQLite',
    ids: ['WAL-reset'],
    what: 'two connections that write and checkpoint at once can corrupt a database in WAL mode',
    reach: 'the database of deployhook is one; SQLite comes with Node',
    level: 'problem',
    mendedIn: ['3.44.6', '3.50.7', '3.51.3'],
    lineParts: 2,
    source: 'https://sqlite.org/wal.html#walresetbug',
  },
]

/** Whether a version (`2.39.5`) is of a line from the mended one on, or newer than all that had to be mended. */
export function isMended(version: string, { mendedIn, lineParts }: Pick<Hole, 'mendedIn' | 'lineParts'>): boolean {
  const numbers = numbersOf(version)
  const isOfLine = (mended: readonly number[]): boolean =>
    mended.slice(0, lineParts).every((number, index) => number === numbers[index])
  const mended = mendedIn.map(numbersOf)
  const newest = mended.at(-1) ?? []
  return compare(numbers, newest) >= 0 || mended.some((one) => isOfLine(one) && compare(numbers, one) >= 0)
}

function numbersOf(version: string): readonly number[] {
  return (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? '0').split('.').map(Number)
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
