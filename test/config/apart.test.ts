import { inspect } from 'node:util'
import { join } from 'node:path'
import { chmod, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { loadDeployMap, loadDeployMapApart } from '../../src/config/index.ts'
import type { Secret } from '../../src/lib/secret.ts'
import { makeFolder } from './support.ts'

const options = {
  env: { TOKEN: 'a-token-for-the-tests-0123456789' },
  uid: process.geteuid?.() ?? 0,
  stateDirectory: null,
}

const sound = `
server: { allow_root_steps: true }
webhooks: { github: { secret: { env: TOKEN } } }
apps:
  blog: { repo: https://github.com/acme/blog.git, path: /srv/blog, tags: [v*], env: { TOKEN: { env: TOKEN } }, steps: [make] }
`

it('a file that is judged in a thread makes the same map as one that is judged here, secrets included', async () => {
  const file = await written(sound)
  const [here, apart] = await Promise.all([loadDeployMap(file, options), loadDeployMapApart(file, options)])
  expect(inspect(apart, { depth: null })).toBe(inspect(here, { depth: null }))
  if (apart.kind !== 'loaded') throw new Error('it was refused')
  expect((apart.map.apps.get('blog')?.env.get('TOKEN') as Secret).reveal()).toBe(options.env.TOKEN)
  expect(apart.map.webhooks.get('github')?.secrets[0]?.reveal()).toBe(options.env.TOKEN)
})

it('a thread tells what is wrong with a file in the same words and at the same places', async () => {
  const file = await written(sound.replace('steps: [make]', 'stebs: [make]').replace('/srv/blog', '/etc'))
  const [here, apart] = await Promise.all([loadDeployMap(file, options), loadDeployMapApart(file, options)])
  expect(apart).toEqual(here)
  expect(apart.kind === 'refused' && apart.problems.map(({ path }) => path)).toEqual([
    'apps.blog.path',
    'apps.blog.stebs',
  ])
})

async function written(text: string): Promise<string> {
  const file = join(await makeFolder(), 'deploy.yml')
  await writeFile(file, text)
  await chmod(file, 0o600)
  return file
}
