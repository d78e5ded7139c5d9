import { accept } from './accept.ts'
import { bigMap } from './big-map.ts'
import { burst } from './burst.ts'
import { firstDeploy } from './first-deploy.ts'
import { firstStep } from './first-step.ts'
import { followers } from './followers.ts'
import { fsyncs } from './fsyncs.ts'
import { idle } from './idle.ts'
import { largeBody } from './large-body.ts'
import { longHistory } from './long-history.ts'
import { output } from './output.ts'
import { refuse } from './refuse.ts'
import { start } from './start.ts'
import type { Benchmark } from './support/benchmark.ts'

/** In the order in which they run. */
export const benchmarks: readonly Benchmark[] = [
  accept,
  fsyncs,
  refuse,
  largeBody,
  burst,
  firstStep,
  firstDeploy,
  bigMap,
  longHistory,
  output,
  followers,
  start,
  idle,
]
