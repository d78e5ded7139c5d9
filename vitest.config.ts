import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Most of them wait: for git, for a disk, for a process to end.
    maxWorkers: availableParallelism() + 1,
    // Real git, real processes and real fsyncs on a shared machine: a limit that ends a hang, not a measure of speed.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
