import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readDeployMap } from '../../src/app/surroundings.ts'

it.each([
  [
    'a PATH without git',
    '/nonexistent:/dev',
    ['there is no git in /nonexistent:/dev, so nothing can be deployed: apt install git'],
  ],
  ['no PATH at all, where the usual one counts', undefined, []],
])('a deploy map is read with what is missing around it: %s', async (_, path, warnings) => {
  const folder = mkdtempSync(join(tmpdir(), 'deployhook-surroundings-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  const configFile = join(folder, 'deploy.yml')
  writeFileSync(configFile, 'server: { allow_root_steps: true }\napps: {}\n', { mode: 0o600 })
  const process = { env: path === undefined ? {} : { PATH: path }, geteuid: () => 1000 } as NodeJS.Process
  const options = {
    configFile,
    stateDirectory: join(folder, 'state'),
    listen: null,
    socket: join(folder, 'control.sock'),
  }
  const reading = await readDeployMap(options, process)
  const told = reading.kind === 'loaded' ? reading.warnings.filter((text) => !text.includes('webhook')) : null
  expect(told).toEqual(warnings)
})
