import { ok, problem } from './finding.ts'
import type { Check } from './patient.ts'

/** Room on the disks of the state directory and of every app, bytes and inodes, by `server.min_free`. */
export const checkDisk: Check = async ({ map, stateDirectory, diskProblems }) => {
  const paths = [stateDirectory, ...Array.from(map?.apps.values() ?? [], ({ path }) => path)]
  const problems = await diskProblems(paths)
  if (problems.length > 0) return problems.map((text) => problem('disk', text))
  return [ok('disk', 'there is more room than server.min_free wants where the state directory and the apps lie')]
}
