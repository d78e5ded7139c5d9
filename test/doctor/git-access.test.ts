import { dirname } from 'node:path'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkGitAccess } from '../../src/doctor/git-access.ts'
import type { Patient } from '../../src/doctor/patient.ts'
import { Secret } from '../../src/lib/secret.ts'
import type { App } from '../../src/model/deploy-map.ts'
import { parseGlob } from '../../src/model/glob.ts'
import { createApp, createGitWorld, type GitWorld } from '../runner/git/git-world.ts'
import { createHttpsHost } from '../runner/git/https-host.ts'
import { createMap } from '../support/map.ts'
import { createPatient } from './patient.ts'

/** As the daemon asks: by the real git. */
function lookAt(world: Pick<GitWorld, 'workspace'>, apps: readonly App[], change: Partial<Patient> = {}) {
  const asked: string[] = []
  const patient = createPatient({
    map: createMap(apps),
    listRefs: (app, context) => {
      asked.push(app.name)
      return world.workspace.listRefs(app, { ...context, cookie: 'git-test.doctor.1' })
    },
    ...change,
  })
  return checkGitAccess(patient).then((found) => ({ found, asked }))
}

const glob = (text: string) => {
  const parsed = parseGlob(text)
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed
}

describe('git access', () => {
  it('is well when the repository answers, and has the branch', async () => {
    const world = await createGitWorld()
    await world.repository.push({ f: '1' })
    expect((await lookAt(world, [world.app()])).found).toEqual([
      { level: 'ok', where: 'git', what: '1 of 1 repositories answer', cure: null },
    ])
  })

  it('asks once for all apps that get at a repository in the same way', async () => {
    const world = await createGitWorld()
    await world.repository.push({ f: '1' })
    const apps = ['blog', 'shop', 'admin'].map((name) => world.app({ name }))
    const { found, asked } = await lookAt(world, [
      ...apps,
      world.app({ name: 'other', git: { ...world.app().git, token: new Secret('t') } }),
    ])
    expect(asked).toEqual(['blog', 'other'])
    expect(found).toMatchObject([{ level: 'ok', what: '2 of 2 repositories answer' }])
  })

  it('is a problem when the repository is not there, with the cure, for each app that wants it', async () => {
    const world = await createGitWorld()
    const app = createApp({ url: world.path('git/gone.git'), path: '/srv/blog' })
    const other = createApp({ url: world.path('git/gone.git'), path: '/srv/shop' }, { name: 'shop' })
    const { found } = await lookAt(world, [app, other])
    expect(found).toMatchObject([
      {
        level: 'problem',
        where: `${app.name}, shop: ${world.path('git/gone.git')}`,
        what: expect.stringContaining('Compare repo in deploy.yml') as string,
      },
    ])
  })

  it('is a problem when the branch is not there', async () => {
    const world = await createGitWorld()
    await world.repository.push({ f: '1' })
    const app = world.app({ branch: 'production' })
    expect((await lookAt(world, [app, world.app({ name: 'fine' })])).found).toEqual([
      { level: 'ok', where: 'git', what: '1 of 1 repositories answer', cure: null },
      {
        level: 'problem',
        where: `${app.name}: ${world.repository.bare}`,
        what: 'answers, and has no branch production',
        cure: 'push it, or compare branch in deploy.yml',
      },
    ])
  })

  it('is a warning when no tag is there yet of an app that deploys tags', async () => {
    const world = await createGitWorld()
    const { after } = await world.repository.push({ f: '1' })
    const app = world.app({ branch: null, tags: [glob('v*')] })
    expect((await lookAt(world, [app])).found).toMatchObject([
      { level: 'ok' },
      { level: 'warning', what: 'answers, and has no tag yet that this app deploys' },
    ])
    await world.repository.git('tag', 'v1', after)
    await world.repository.git('push', '-q', 'origin', 'v1')
    expect((await lookAt(world, [app])).found).toMatchObject([{ level: 'ok' }])
  })

  it('is a problem when a host refuses the token, without a word of it', async () => {
    const world = await createGitWorld()
    await world.repository.push({ f: '1' })
    const host = await createHttpsHost({
      dir: world.dir,
      root: dirname(dirname(world.repository.bare)),
      answer: (login) => (login?.endsWith(':right-token') === true ? null : { status: 401 }),
    })
    const secure = { workspace: world.restarted({ networkEnv: { GIT_SSL_CAINFO: host.certificate } }) }
    const app = (token: string) =>
      createApp(
        { url: `${host.origin}/acme/blog.git`, path: '/srv/blog' },
        { git: { ...world.app().git, token: new Secret(token) } },
      )
    expect((await lookAt(secure, [app('right-token')])).found).toMatchObject([{ level: 'ok' }])
    const { found } = await lookAt(secure, [app('wrong-token')])
    expect(found).toMatchObject([
      { level: 'problem', what: expect.stringContaining('The host does not take the token') as string },
    ])
    expect(JSON.stringify(found)).not.toContain('wrong-token')
    const { found: untrusted } = await lookAt(world, [app('right-token')])
    expect(untrusted).toMatchObject([
      { level: 'problem', what: expect.stringContaining('certificate is not trusted here') as string },
    ])
  })

  it('is cut off with the doctor when a host takes the connection and says nothing', async () => {
    const world = await createGitWorld()
    const given = new AbortController()
    const silent = createServer(() => {
      given.abort('timed_out')
    })
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      silent.close()
    })
    const address = silent.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const app = createApp({ url: `https://127.0.0.1:${port}/acme/blog.git`, path: '/srv/blog' })
    const { found } = await lookAt(world, [app], { signal: given.signal })
    expect(found).toMatchObject([
      { level: 'warning', where: 'git', what: '1 of 1 repositories were not asked to the end: there was no time left' },
    ])
  })

  it('is no matter without apps', async () => {
    expect((await lookAt(await createGitWorld(), [])).found).toMatchObject([{ level: 'ok' }])
  })
})
