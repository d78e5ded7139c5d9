import { request } from 'undici'
import { expect, it } from 'vitest'
import { githubPush } from '../../demo/github.ts'
import { createWorld, secret, type World } from '../support/world.ts'
import type { Pushed } from '../support/repository.ts'

it('a branch set back and forward again is deployed again', async () => {
  const world = await createWorld({ blog: { steps: ['cp index.html live.html'] } })
  const repository = world.repository()
  const first = await repository.push({ 'index.html': 'first' })
  const second = await repository.push({ 'index.html': 'second' })
  const setTo = (sha: string): Promise<string> => repository.git('push', '-q', '--force', 'origin', `${sha}:main`)
  const forward = sender(world, second)
  const back = sender(world, { ...second, before: second.after, after: first.after })

  await world.done(await forward())
  await setTo(first.after)
  await world.done(await back())
  expect(await world.read('srv/blog/live.html')).toBe('first')

  await setTo(second.after)
  await world.done(await forward())
  expect(await world.read('srv/blog/live.html')).toBe('second')
})

/** Sends the same bytes under a new id each time, as GitLab does with a secret token. Answers the deployment. */
function sender(world: World, pushed: Pushed): () => Promise<number> {
  const { headers, body } = githubPush({ repository: 'acme/blog', ...pushed }, secret)
  let sent = 0
  return async () => {
    const own = { ...headers, 'x-github-delivery': `${pushed.after.slice(0, 8)}-${++sent}` }
    const answer = await request(`${world.daemon.address}/hooks/github`, { method: 'POST', headers: own, body })
    const { result, deployments } = (await answer.body.json()) as { result: string; deployments?: { id: number }[] }
    expect(result).toBe('accepted')
    return deployments?.[0]?.id ?? 0
  }
}
