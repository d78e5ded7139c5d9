import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../packaging/built.ts'
import { bootMachine, whyNoMachine, type Machine } from './support/machine.ts'

type Told = {
  readonly numPassedTests: number
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

const why = whyNoMachine()

/** What needs a systemd is skipped everywhere else; here it is run in one that was booted for it. */
describe.skipIf(why !== null)(`in a booted systemd${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let machine: Machine
  beforeAll(async () => {
    machine = await bootMachine()
  }, 120_000)
  afterAll(async () => {
    await machine[Symbol.asyncDispose]()
  }, 60_000)

  it.each([
    ['test/runner/executor-contract.test.ts', 50],
    ['test/stories/in-units.test.ts', 15],
  ])('%s passes, with none of its tests left out', { timeout: 420_000 }, async (file, atLeast) => {
    const { stdout, stderr } = await machine.try(`cd ${root}
      export PATH=${root}/node_modules/.bin:$PATH
      vitest run --reporter=json --outputFile=/tmp/told.json ${file} >/tmp/said.txt 2>&1 || cat /tmp/said.txt >&2
      cat /tmp/told.json`)
    const told = JSON.parse(stdout) as Told
    const all = told.testResults.flatMap(({ assertionResults }) => assertionResults)
    const others = all.filter(({ status }) => status !== 'passed').map(({ fullName }) => fullName)
    expect(others, stderr).toEqual([])
    expect(told.numPassedTests).toBeGreaterThanOrEqual(atLeast)
  })
})
