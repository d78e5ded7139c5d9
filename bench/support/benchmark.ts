import type { Finding } from './finding.ts'

/** One thing that is measured, with all that it is compared with, in one run. */
export type Benchmark = {
  /** What it is called on the command line. */
  readonly name: string
  /** The heading of its table. */
  readonly title: string
  run(bench: Bench): Promise<Found>
}

/** What a benchmark is given. */
export type Bench = {
  /** An empty directory of its own, on the disk that is measured; removed afterwards. */
  readonly dir: string
  /** How often each side is measured. */
  readonly rounds: number
  /** Says what is under way, on standard error. */
  readonly note: (text: string) => void
}

export type Found = {
  readonly findings: readonly Finding[]
  /** Sides that could not be measured, a sentence each that says why. */
  readonly skipped?: readonly string[]
  /** What a reader must know to believe the numbers, a sentence each. */
  readonly remarks?: readonly string[]
}
