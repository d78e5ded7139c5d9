import { expect, it } from 'vitest'
import { createDeploying, script } from './deploying.ts'

it('what cannot be written to the disk does not become live', async () => {
  const points: string[] = []
  const says = "sync: error syncing '/srv/blog': Input/output error\n"
  const world = createDeploying({ failPoint: (stage) => void points.push(stage), sync: { says, exitCode: 1 } })
  expect(await world.deploy([script('echo built')])).toEqual({
    outcome: 'failed',
    reason: 'disk_failed',
    message: `what was built in ${world.tree} could not be written to its disk (${says.trim()}): look at the log of the kernel (dmesg), and deploy again`,
  })
  expect(points.at(-1)).toBe('after-steps')
})
