import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { format, resolveConfig } from 'prettier'
import { describe, expect, it } from 'vitest'
import { isMended, knownHoles } from '../../src/doctor/known-holes.ts'
import { checkVersions } from '../../src/doctor/versions.ts'
import { createPatient, privateDirectory } from './patient.ts'

const versions = { node: '99.0.0', isNodeOurs: false, sqlite: '99.0.0', git: () => Promise.resolve('99.0.0') }

describe('the versions of git, Node and SQLite', () => {
  it('are well when nothing is known of them', async () => {
    const found = await checkVersions(createPatient())
    expect(found).toEqual(
      ['git', 'Node', 'SQLite'].map((program) => ({
        level: 'ok',
        where: `${program} 99.0.0`,
        what: 'no known hole',
        cure: null,
      })),
    )
  })

  it.each([
    { program: 'Node', of: { node: '24.22.0' }, id: 'CVE-2026-111497', level: 'warning' },
    { program: 'SQLite', of: { sqlite: '3.51.2' }, id: 'WAL-reset', level: 'problem' },
    { program: 'git', of: { git: () => Promise.resolve('2.50.1') }, id: 'CVE-2026-111760', level: 'warning' },
    { program: 'git', of: { git: () => Promise.resolve('2.39.5') }, id: 'CVE-2025-48384', level: 'warning' },
  ])(
    '$program with the hole $id is a $level that says what it means and where it is mended',
    async ({ program, of, id, level }) => {
      const found = await checkVersions(createPatient({ versions: { ...versions, ...of } }))
      const told = found.find(({ where, what }) => where.startsWith(program) && what.includes(id))
      expect(told).toMatchObject({ level, cure: expect.stringMatching(/^update to \d.+https:/) as string })
    },
  )

  it('say nothing of a hole of git that the changelog of the distribution names as mended', async () => {
    const changelog = join(await privateDirectory(), 'changelog.Debian.gz')
    await writeFile(changelog, gzipSync('git (1:2.39.5-0+deb12u3)\n  * Fix CVE-2025-48384, CVE-2025-48385\n'))
    const patient = createPatient({
      versions: { ...versions, git: () => Promise.resolve('2.39.5') },
      changelogs: [changelog, '/nowhere'],
    })
    const told = (await checkVersions(patient)).map(({ what }) => what).join('\n')
    expect(told).toContain('CVE-2026-111760')
    expect(told).not.toContain('CVE-2025-48384')
  })

  it.each([
    { program: 'Node', isNodeOurs: true, cure: 'or later, which comes with a newer package of deployhook (https' },
    { program: 'Node', isNodeOurs: false, cure: 'or later (https' },
    { program: 'SQLite', isNodeOurs: true, cure: 'or later, which comes with a newer package of deployhook (https' },
    { program: 'SQLite', isNodeOurs: false, cure: 'or later, which comes with a newer Node (https' },
  ])('say where a newer $program comes from, if Node is of the package: $isNodeOurs', async (of) => {
    const old = { ...versions, node: '24.22.0', sqlite: '3.51.2', isNodeOurs: of.isNodeOurs }
    const told = (await checkVersions(createPatient({ versions: old }))).find(({ where }) =>
      where.startsWith(of.program),
    )
    expect(told?.cure).toContain(of.cure)
  })

  it('are a problem without any git', async () => {
    const [first] = await checkVersions(createPatient({ versions: { ...versions, git: () => Promise.resolve(null) } }))
    expect(first).toMatchObject({ level: 'problem', cure: 'apt install git' })
  })
})

describe('a mended version', () => {
  const git = { mendedIn: ['2.50.2', '2.51.3', '2.56.1'], lineParts: 2 } as const
  const node = { mendedIn: ['22.23.4', '24.22.1', '26.12.1'], lineParts: 1 } as const
  it.each([
    { version: '2.50.1', hole: git, mended: false },
    { version: '2.50.2', hole: git, mended: true },
    { version: '2.50.10', hole: git, mended: true },
    { version: '2.51.2', hole: git, mended: false },
    { version: '2.53.9', hole: git, mended: false },
    { version: '2.56.1.windows.1', hole: git, mended: true },
    { version: '2.57.0', hole: git, mended: true },
    { version: '2.9.0', hole: git, mended: false },
    { version: '24.22.1', hole: node, mended: true },
    { version: '24.3.0', hole: node, mended: false },
    { version: '25.9.0', hole: node, mended: false },
    { version: '26.12.0', hole: node, mended: false },
    { version: '27.0.0', hole: node, mended: true },
    { version: 'unknown', hole: node, mended: false },
  ])('$version: $mended', ({ version, hole, mended }) => {
    expect(isMended(version, hole)).toBe(mended)
  })
})

it.each([
  ['Node', '24.23.0', true],
  ['Node', '24.22.0', false],
  ['Node', '25.9.0', false],
  ['SQLite', '3.50.9', true],
  ['SQLite', '3.49.2', false],
  ['SQLite', '3.51.3', true],
  ['git', '2.51.3', true],
  ['git', '2.43.7', false],
])('%s %s has no known hole: %s', (program, version, isWell) => {
  const holes = knownHoles.filter((hole) => hole.program === program)
  expect(holes.every((hole) => isMended(version, hole))).toBe(isWell)
})

it('docs/versions.md shows the very table that doctor checks', async () => {
  const file = new URL('../../docs/versions.md', import.meta.url)
  const rows = knownHoles.map(
    ({ program, mendedIn, ids, what, reach, level, source }) =>
      `| ${program} | ${mendedIn.join(', ')} | [${ids.join(', ')}](${source}): ${what} | ${reach} | ${level} |`,
  )
  const table = [
    '| program | mended in | what | what it means for deployhook | doctor says |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
  const options = { ...(await resolveConfig(file)), parser: 'markdown' }
  expect(await readFile(file, 'utf8')).toContain((await format(table, options)).trim())
})
