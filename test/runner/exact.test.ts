import { describe, expect, it } from 'vitest'
import { globOf } from '../../src/model/glob.ts'
import type { DeploymentResult } from '../../src/model/deployment.ts'
import { deployment, revision } from './deploying.ts'
import { createReleasing, type Releasing } from './releases/releasing.ts'

describe('an exact commit', () => {
  it('is deployed although the branch has moved on', async () => {
    const world = await createReleasing()
    const first = await world.repository.push({ page: 'one' })
    await world.repository.push({ page: 'two' })
    expect(await deployExactly(world, first.after)).toMatchObject({ outcome: 'succeeded' })
    expect(await world.read('srv/blog/current/page')).toBe('one')
  })

  it('is the one that an annotated tag leads to, when the tag is what a push named', async () => {
    const world = await createReleasing()
    const { after } = await world.repository.push({ page: 'one' })
    await world.repository.git('tag', '-a', '-m', 'first', 'v1')
    await world.repository.git('push', '-q', 'origin', 'v1')
    const tag = await world.repository.git('rev-parse', 'v1')
    expect(await deployExactly(world, tag, { ref: 'refs/tags/v1' })).toMatchObject({ outcome: 'succeeded' })
    expect(world.told).toContain(`revision ${after.slice(0, 12)}`)
  })

  it.each([
    ['of another branch', (world: Releasing) => world.repository.push({ page: 'x' }, { branch: 'next' })],
    ['that was taken back by force', takenBack],
    ['that does not exist', () => Promise.resolve({ after: 'e'.repeat(40) })],
  ])('%s is refused', async (_, make) => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const { after } = await make(world)
    expect(await deployExactly(world, after)).toEqual({
      outcome: 'failed',
      reason: 'revision_unreachable',
      message: expect.stringMatching(
        /^[0-9a-f]{12} is not a commit of the branch main of .* \(any more\), and nothing else may be deployed$/,
      ) as string,
    })
    expect(await world.read('srv/blog/current/page')).toBe('one')
  })
})

async function takenBack({ repository, fetchTip, app }: Releasing): Promise<{ readonly after: string }> {
  const bad = await repository.push({ page: 'bad' })
  await fetchTip(app())
  await repository.git('reset', '-q', '--hard', 'HEAD^')
  await repository.push({ page: 'good' }, { force: true })
  return bad
}

function deployExactly(
  world: Releasing,
  id: string,
  { ref = 'refs/heads/main' }: { readonly ref?: string } = {},
): Promise<DeploymentResult> {
  const wanted = revision(id)
  return world.deploy(
    7,
    { branch: ref.startsWith('refs/tags/') ? null : 'main', tags: [globOf('v*')] },
    {
      target: { kind: 'exact', revision: wanted },
      deployment: deployment({ id: 7, trigger: 'push', requestedRevision: wanted, ref }),
    },
  )
}
