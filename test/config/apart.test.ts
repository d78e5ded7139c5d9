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

/** More than come at once. */
const numbers = Array.from({ length: 2_345 }, (_, number) => number)

it('a file that is judged in a thread makes the same map as one that is judged here, secrets included', async () => {
  const file = await written(sound)
  const [here, apart] = await Promise.all([loadDeployMap(file, options), loadDeployMapApart(file, options)])
  expect(inspect(apart, { depth: null })).toBe(inspect(here, { depth: null }))
  if (apart.kind !== 'loaded') throw new Error('it was refused')
  expect((apart.map.apps.get('blog')?.env.get('TOKEN') as Secret).reveal()).toBe(options.env.TOKEN)
  expect(apart.map.webhooks.get('github')?.secrets[0]?.reveal()).toBe(options.env.TOKEN)
})

it('thousands of apps come from the thread in the order of the file, each with its own secrets and those of defaults', async () => {
  const env = {
    ...options.env,
    ...Object.fromEntries(numbers.map((n) => [`TOKEN_${n}`, `the-token-of-app-${n}-0123456789`])),
  }
  const file = await written(`
server: { allow_root_steps: true }
webhooks: { github: { secret: { env: TOKEN } } }
defaults: { env: { SHARED: { env: TOKEN } } }
apps:
${numbers.map((n) => `  ${n % 7 === 0 ? n : `app-${n}`}: { repo: /srv/git/all.git, path: /srv/app-${n}, env: { OWN: { env: TOKEN_${n} } }, steps: [make] }`).join('\n')}
`)
  const [here, apart] = await Promise.all([
    loadDeployMap(file, { ...options, env }),
    loadDeployMapApart(file, { ...options, env }),
  ])
  if (here.kind !== 'loaded' || apart.kind !== 'loaded') throw new Error('it was refused')
  expect([...apart.map.apps.values()]).toEqual([...here.map.apps.values()])
  expect([...apart.map.appsByRepository]).toEqual([...here.map.appsByRepository])
  for (const n of numbers) {
    const own = apart.map.apps.get(n % 7 === 0 ? String(n) : `app-${n}`)?.env
    expect((own?.get('OWN') as Secret).reveal()).toBe(`the-token-of-app-${n}-0123456789`)
    expect((own?.get('SHARED') as Secret).reveal()).toBe(options.env.TOKEN)
  }
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
