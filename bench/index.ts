import { accept } from './accept.ts'
import type { Benchmark } from './support/benchmark.ts'

/** In the order in which they run. */
export const benchmarks: readonly Benchmark[] = [accept]
