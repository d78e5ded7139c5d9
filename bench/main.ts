/**
 * Measures deployhook beside what people use today, on this machine, in one run: `npm run bench`, or
 * `npm run bench -- NAME …`. Prints a table for each and writes all numbers to bench/results/. Exit 1 if one failed to run.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchmarks } from './index.ts'
import type { Benchmark, Found } from './support/benchmark.ts'
import { lookAtMachine } from './support/machine.ts'
import { tableOf } from './support/table.ts'

const asked = askedFor(process.argv.slice(2))
if ('problem' in asked) {
  process.stderr.write(`${asked.problem}\nUsage: npm run bench -- [NAME …] [--rounds N]\nNames: ${names().join(' ')}\n`)
  process.exitCode = 2
} else {
  await measureAll(asked)
}

type Asked = { readonly chosen: readonly Benchmark[]; readonly rounds: number }

function askedFor(args: string[]): Asked | { readonly problem: string } {
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { rounds: { type: 'string', default: '3' } },
      allowPositionals: true,
    })
    const unknown = positionals.find((name) => !names().includes(name))
    if (unknown !== undefined) return { problem: `there is no benchmark ${unknown}` }
    const rounds = Number(values.rounds)
    if (!Number.isInteger(rounds) || rounds < 1) return { problem: '--rounds: must be a whole number from 1 on' }
    const isChosen = ({ name }: Benchmark) => positionals.length === 0 || positionals.includes(name)
    return { chosen: benchmarks.filter(isChosen), rounds }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

function names(): readonly string[] {
  return benchmarks.map(({ name }) => name)
}

async function measureAll({ chosen, rounds }: Asked): Promise<void> {
  const machine = await inScratch(lookAtMachine)
  const results: Record<string, Found> = {}
  for (const benchmark of chosen) {
    const begunAt = performance.now()
    try {
      const found = await inScratch((dir) =>
        benchmark.run({ dir, rounds, note: (text) => process.stderr.write(`${benchmark.name}: ${text}\n`) }),
      )
      results[benchmark.name] = found
      process.stdout.write(`${shown(benchmark, found)}\n`)
    } catch (error) {
      process.stdout.write(`## ${benchmark.name}\n\nfailed: ${String(error)}\n\n`)
      process.exitCode = 1
    }
    process.stderr.write(`${benchmark.name}: took ${Math.round((performance.now() - begunAt) / 1000)} s\n`)
  }
  const path = join(import.meta.dirname, 'results', `${machine.at.slice(0, 16).replace(':', '')}.json`)
  await mkdir(join(import.meta.dirname, 'results'), { recursive: true })
  await writeFile(path, `${JSON.stringify({ machine, rounds, results }, null, 2)}\n`)
  process.stderr.write(`${path}\n`)
}

function shown({ name, title }: Benchmark, { findings, skipped = [], remarks = [] }: Found): string {
  const notes = [...skipped.map((reason) => `- Skipped: ${reason}`), ...remarks.map((remark) => `- ${remark}`)]
  return [`## ${name}`, title, tableOf(findings), ...(notes.length > 0 ? [notes.join('\n')] : [])].join('\n\n') + '\n'
}

/** A directory beside the results: /tmp may be memory, whose fsync costs nothing. */
async function inScratch<T>(work: (dir: string) => T | Promise<T>): Promise<T> {
  const parent = join(import.meta.dirname, '../node_modules/.cache')
  await mkdir(parent, { recursive: true })
  const dir = await mkdtemp(join(parent, 'bench-'))
  try {
    return await work(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
