import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hostile, json, run, startDaemon, temporaryDirectory } from './world.ts'

const plan = {
  app: 'blog',
  ref: 'refs/heads/main',
  requestedRevision: 'b'.repeat(40),
  repo: 'https://github.com/acme/blog.git',
  path: '/srv/blog',
  pathsDecide: false,
  steps: [],
  supersedes: [],
  waitsFor: [],
  gates: [] as readonly string[],
  held: null as object | null,
  frozen: null as object | null,
  opensAt: null as string | null,
  skip: null as object | null,
}
const asked = { by: 'alice', reason: 'the sale', at: '2026-11-24T11:57:00.000Z' }
const held = { ...asked, app: 'blog', release: null, revision: null, deployment: 3, until: 'unhold' }
const frozen = { ...asked, scope: '*', until: null }
const skip = { reason: 'quarantined', message: 'bbbbbbbb is in quarantine' }

async function simulate(...plans: readonly (typeof plan)[]): Promise<string> {
  const payload = join(await temporaryDirectory(), 'push.json')
  await writeFile(payload, '{}')
  const about = {
    webhook: 'github',
    provider: 'github',
    verification: 'proven',
    event: 'push',
    pushes: [],
    ignored: [],
  }
  const answer = json({ ...about, result: 'accepted', reason: null, plans })
  const { socket } = await startDaemon({ 'POST /api/simulate': answer })
  const { out, code } = await run(['simulate', '--webhook', 'github', '--payload', payload, '--socket', socket])
  expect(code).toBe(0)
  return out
}

describe('simulate', () => {
  it('says of each app what would keep the push back, and what ends that', async () => {
    const gates = ['freeze', 'hold', 'approval', 'window']
    const out = await simulate({ ...plan, gates, held, frozen, opensAt: '2026-11-25T09:00:00.000Z' })
    expect(out).toContain('This would deploy blog\n')
    expect(out).toContain('blog would be queued, and deployed when nothing keeps it back\n')
    expect(out.split('\n').filter((line) => line.startsWith('kept back'))).toEqual([
      'kept back  All apps are frozen (3 min ago, by alice: the sale). What ends it: deployhook unfreeze --all',
      'kept back  blog is held (3 min ago, by alice: the sale). What ends it: deployhook unhold blog',
      'kept back  until somebody approves it: deployhook approve ID',
      'kept back  until a window of deploy.yml opens; the next does at 2026-11-25T09:00:00.000Z',
    ])
    expect(await simulate({ ...plan, gates: ['window'] })).toContain('until a window of deploy.yml opens; none will')
  })

  it('says that a commit in quarantine would be skipped', async () => {
    const out = await simulate({ ...plan, skip })
    expect(out).toContain('This would deploy nothing: blog would skip it\n')
    expect(out).toContain('blog would be queued, and skipped in the end\n')
    expect(out).toMatch(/^skipped +bbbbbbbb is in quarantine$/m)
    expect(await simulate({ ...plan, skip }, { ...plan, app: 'shop' })).toContain('This would deploy shop\n')
  })

  it('shows what others wrote without what a terminal would obey', async () => {
    const bad = { by: hostile, reason: hostile }
    const gates = ['freeze', 'hold', 'window']
    const out = await simulate({
      ...{ ...plan, gates, held: { ...held, ...bad }, frozen: { ...frozen, ...bad } },
      ...{ opensAt: hostile, skip: { reason: hostile, message: hostile } },
    })
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  })
})
