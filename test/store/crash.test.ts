import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { openRaw, openTestStore, startChild, temporaryDirectory } from './support.ts'

// kill -9 in the middle of accepting, then a new start: what was acknowledged must be there. Power cuts are another story.

async function crash(
  ...how: readonly string[]
): Promise<{ acknowledged: ReadonlySet<string>; kept: ReadonlySet<string> }> {
  const directory = temporaryDirectory()
  const { lines, exited } = startChild('accept', directory, ...how)
  await exited
  return { acknowledged: new Set(lines), kept: await keptIn(directory) }
}

/** The ids that a new start finds, after making sure that nothing is half there. */
async function keptIn(directory: string): Promise<ReadonlySet<string>> {
  const { store } = await openTestStore(directory)
  const deliveries = await store.deliveries({ limit: 100_000 })
  const accepted = deliveries.filter(({ result }) => result === 'accepted')
  expect(openRaw(directory).prepare('pragma integrity_check').get()?.['integrity_check']).toBe('ok')
  expect(deliveries.flatMap(({ deployments }) => deployments)).toHaveLength(accepted.length)
  expect(await store.queue()).toHaveLength(accepted.length)
  return new Set(accepted.map(({ providerId }) => providerId ?? ''))
}

describe('after kill -9', () => {
  it.each([1, 7])(
    'just before commit %i, all that was acknowledged is there, and nothing of the rest',
    async (count) => {
      const { acknowledged, kept } = await crash('before-commit', String(count))

      expect(kept).toEqual(acknowledged)
      expect(acknowledged.size).toBe((count - 1) * 3)
    },
  )

  it.each([1, 7])('just after commit %i, all of it is there although nobody was told', async (count) => {
    const { acknowledged, kept } = await crash('in-commit', String(count))

    expect(acknowledged.size).toBe((count - 1) * 3)
    expect(kept.size).toBe(count * 3)
    expect(acknowledged.difference(kept)).toEqual(new Set())
  })

  it('in the very first migration, the next start begins at the beginning', async () => {
    const { acknowledged, kept } = await crash('in-migration', '1')

    expect([acknowledged.size, kept.size]).toEqual([0, 0])
  })

  it('at any moment, nothing that was acknowledged is lost', async () => {
    const directory = temporaryDirectory()
    let acknowledged = new Set<string>()
    for (const enough of [1, 20, 55, 90]) {
      const { process: child, lines, exited } = startChild('accept', directory, 'never', '0')
      while (lines.length < enough && child.stdout !== null) await once(child.stdout, 'data')
      child.kill('SIGKILL')
      await exited
      acknowledged = acknowledged.union(new Set(lines))
    }

    expect(acknowledged.size).toBeGreaterThanOrEqual(90)
    expect(acknowledged.difference(await keptIn(directory))).toEqual(new Set())
  })

  it('a store that acknowledges too early is found out by this very test', async () => {
    const { acknowledged, kept } = await crash('before-commit', '3', 'early')

    expect(acknowledged.difference(kept).size).toBeGreaterThan(0)
  })
})
