import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bootMachine, cannotBoot, type Machine } from './executor-world.ts'

type Told = {
  readonly numFailedTests: number
  readonly numPassedTests: number
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

/** What needs a systemd is skipped everywhere else; here it is run in one that was booted for it. */
describe.skipIf(cannotBoot !== null)(
  `in a booted systemd${cannotBoot === null ? '' : ` (skipped: ${cannotBoot})`}`,
  () => {
    let machine: Machine
    beforeAll(() => {
      machine = bootMachine(`executor-${process.pid}`)
    }, 120_000)
    afterAll(() => {
      machine.stop()
    }, 60_000)

    it.each([
      ['test/runner/executor-contract.test.ts', 50],
      ['test/stories/in-units.test.ts', 15],
    ])(
      '%s passes, with none of its tests left out',
      (file, atLeast) => {
        const { stdout, stderr } = machine.sh(
          `{ vitest run --reporter=json --outputFile=/tmp/told.json ${file} >/tmp/said.txt 2>&1; cat /tmp/told.json; }`,
          { timeoutMs: 400_000 },
        )
        const told = JSON.parse(stdout) as Told
        const all = told.testResults.flatMap(({ assertionResults }) => assertionResults)
        expect(
          all.filter(({ status }) => status !== 'passed').map(({ fullName }) => fullName),
          stderr,
        ).toEqual([])
        expect(told.numPassedTests).toBeGreaterThanOrEqual(atLeast)
      },
      420_000,
    )
  },
)
