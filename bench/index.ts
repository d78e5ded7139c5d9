import { accept } from './accept.ts'
import { fsyncs } from './fsyncs.ts'
import { refuse } from './refuse.ts'
import type { Benchmark } from './support/benchmark.ts'

/** In the order in which they run. */
export const benchmarks: readonly Benchmark[] = [accept, fsyncs, refuse]
