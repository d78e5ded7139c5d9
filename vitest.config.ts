import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real git, real processes and real fsyncs on a shared machine: a limit that ends a hang, not a measure of speed.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
