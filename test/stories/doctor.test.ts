import { execa } from 'execa'
import { chmod, readFile, utimes, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { createWorld, type World } from '../support/world.ts'
import { until } from '../support/until.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

type Finding = { readonly check: string; readonly level: string; readonly where: string; readonly what: string }

/** As an operator would, in a shell of another environment than the daemon's. */
async function doctor(world: World) {
  const { stdout, exitCode } = await execa(
    process.execPath,
    [main, 'doctor', '--json', '--socket', world.path('control.sock')],
    {
      reject: false,
      extendEnv: false,
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
    },
  )
  const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] }
  const bad = findings.filter(({ level }) => level === 'problem')
  return { exitCode, bad, of: (check: string) => findings.filter((finding) => finding.check === check) }
}

it('the running daemon is found well, and then what went wrong around it, one by one', async () => {
  const world = await createWorld({ blog: { steps: ['true'] } })
  await world.repository().push({ 'index.html': 'v1' })
  const { port } = new URL(world.daemon.address)
  await world.configure({ blog: { steps: ['true'] } }, { public_url: `http://127.0.0.1:${port}` })
  await until('the new map', async () => {
    const { body } = await world.daemon.api('/api/webhooks')
    return (body as { webhooks: { url: string | null }[] }).webhooks[0]?.url !== null
  })

  const well = await doctor(world)
  expect(well.bad).toEqual([])
  expect(well.exitCode).toBe(0)
  expect(well.of('daemon')).toMatchObject([{ level: 'ok' }])
  expect(well.of('git')).toMatchObject([{ level: 'ok', what: '1 of 1 repositories answer' }])
  expect(well.of('public_url')).toMatchObject([{ level: 'ok', where: `http://127.0.0.1:${port}/hooks/github` }])
  // Its own clock is nothing to compare it with.
  expect(well.of('clock')[0]).toMatchObject({ level: 'ok', what: 'no host told the time to compare it with' })

  await chmod(world.path('state'), 0o755)
  const longAgo = new Date(Date.now() - 500 * 24 * 3_600_000)
  await utimes(world.path('github.secret'), longAgo, longAgo)
  const config = await readFile(world.path('deploy.yml'), 'utf8')
  await writeFile(world.path('deploy.yml'), config.replace('"apps"', '"aps"'), { mode: 0o600 })
  const { exitCode, of } = await doctor(world)
  expect(exitCode).toBe(1)
  expect(of('files')).toContainEqual(expect.objectContaining({ level: 'problem', where: world.path('state') }))
  expect(of('secrets')).toMatchObject([{ level: 'warning', where: 'webhooks.github.secret' }])
  expect(of('config')[0]).toMatchObject({ level: 'problem', where: world.path('deploy.yml') })
  // By the map that is still in force.
  expect(of('git')).toMatchObject([{ level: 'ok' }])
})
