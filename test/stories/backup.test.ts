import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { expect, it, onTestFinished } from 'vitest'
import { run } from '../cli/world.ts'
import { startDaemon } from '../support/daemon.ts'
import { until } from '../support/until.ts'
import { createWorld, gate } from '../support/world.ts'

it('a backup that is tried out beside the running daemon lets its steps be, and goes on with what it holds', async () => {
  const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
  const build = gate(world, 'build')
  await world.configure({ blog: { steps: [build.step] } })
  await world.start()
  const id = await world.ship({ f: '1' })
  await build.reached()

  const { code } = await run(['backup', world.path('backup.db'), '--socket', world.path('control.sock')])
  expect(code).toBe(0)
  await mkdir(world.path('copy'), { mode: 0o700 })
  await copyFile(world.path('backup.db'), world.path('copy/state.db'))
  const map = JSON.parse(await world.read('deploy.yml')) as { apps: { blog: object } }
  map.apps.blog = { ...map.apps.blog, path: world.path('srv/copy'), steps: ['true'] }
  await writeFile(world.path('copy.yml'), JSON.stringify(map), { mode: 0o600 })
  const copy = await startDaemon({
    config: world.path('copy.yml'),
    state: world.path('copy'),
    socket: world.path('copy.sock'),
  })
  onTestFinished(async () => {
    copy.kill('SIGKILL')
    await copy.ended
  })

  await until('the copy to have deployed', async () => {
    const { body } = await copy.api(`/api/deployments/${id}`)
    return (body as { outcome: string | null }).outcome === 'succeeded'
  })
  await build.open()
  expect(await world.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
})
