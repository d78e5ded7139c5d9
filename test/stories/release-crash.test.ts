import { expect, it } from 'vitest'
import { soakReleaseStages } from '../soak/stages.ts'

it('kill -9 at each stage of a release, twice: current leads to a whole release, and the push or what was before it is live', async () => {
  expect(await soakReleaseStages(2)).toEqual([])
}, 600_000)
