import { accept } from './accept.ts'
import { burst } from './burst.ts'
import { firstDeploy } from './first-deploy.ts'
import { firstStep } from './first-step.ts'
import type { Benchmark } from './support/benchmark.ts'

/** In the order in which they run. */
export const benchmarks: readonly Benchmark[] = [accept, burst, firstStep, firstDeploy]
