import { DatabaseSync } from 'node:sqlite'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { asStoreError } from '../../src/store/errors.ts'
import { createWriter, type Writer } from '../../src/store/writer.ts'
import { arrival, claim, openRaw, openTestStore, startChild } from './support.ts'

type World = {
  readonly database: DatabaseSync
  readonly writer: Writer
  readonly stages: string[]
  readonly announced: number[][]
}

function openWriter(): World {
  const database = new DatabaseSync(':memory:')
  onTestFinished(() => {
    database.close()
  })
  database.exec('create table kept (text text unique)')
  const stages: string[] = []
  const announced: number[][] = []
  const writer = createWriter(database, {
    failPoint: (stage) => void stages.push(stage),
    trust: { check: () => undefined, judge: asStoreError },
    onCommitted: (deployments) => void announced.push([...deployments]),
  })
  return { database, writer, stages, announced }
}

const keep = ({ database }: World, text: string) => database.prepare('insert into kept values (?)').run(text)
const kept = ({ database }: World) =>
  database
    .prepare('select text from kept order by text')
    .all()
    .map(({ text }) => text)

describe('writers', () => {
  it('that arrive together share one commit', async () => {
    const world = openWriter()

    await Promise.all(['a', 'b', 'c'].map((text) => world.writer.write(() => keep(world, text))))

    expect(kept(world)).toEqual(['a', 'b', 'c'])
    expect(world.stages).toEqual(['before-commit', 'in-commit'])
  })

  it('that arrive one a turn, as connections are let in, share one commit', async () => {
    const world = openWriter()
    const writing: Promise<unknown>[] = []
    for (const text of ['a', 'b', 'c', 'd']) {
      writing.push(world.writer.write(() => keep(world, text)))
      await setImmediate()
      expect(kept(world)).toEqual([])
    }

    await Promise.all(writing)
    expect(kept(world)).toEqual(['a', 'b', 'c', 'd'])
    expect(world.stages).toEqual(['before-commit', 'in-commit'])
  })

  it('are not kept waiting by others that go on arriving', async () => {
    const world = openWriter()
    const settled: string[] = []
    const write = (name: string) => world.writer.write(() => keep(world, name)).then(() => settled.push(name))
    const writing = [write('first')]
    while (settled.length === 0) {
      // Each turn takes as long as reading some pushes does.
      const begunAt = performance.now()
      while (performance.now() - begunAt < 2);
      writing.push(write(`other ${writing.length}`))
      await setImmediate()
    }

    expect(writing.length).toBeLessThan(100)
    await Promise.all(writing)
  })

  it('are committed in their order, however many there are', async () => {
    const world = openWriter()
    const order: number[] = []

    const all = await Promise.all(
      Array.from({ length: 1234 }, (_, number) => world.writer.write(() => order.push(number))),
    )

    expect(all).toHaveLength(1234)
    expect(order).toEqual(Array.from({ length: 1234 }, (_, number) => number))
  })

  it('undo nothing but their own when they fail', async () => {
    const world = openWriter()
    const failing = world.writer.write((touch) => {
      touch(7)
      keep(world, 'undone')
      throw new Error('mine alone')
    })
    const others = ['a', 'b'].map((text) => world.writer.write(() => keep(world, text)))

    await expect(failing).rejects.toThrow('mine alone')
    await Promise.all(others)
    expect(kept(world)).toEqual(['a', 'b'])
    expect(world.announced).toEqual([])
  })

  it('are told of a constraint as it is: that is a fault of the program, not of the disk', async () => {
    const world = openWriter()
    await world.writer.write(() => keep(world, 'a'))

    await expect(world.writer.write(() => keep(world, 'a'))).rejects.toThrow('UNIQUE constraint failed')
  })

  it('announce what they changed once it is committed', async () => {
    const world = openWriter()

    await Promise.all(
      [3, 5, 3].map((id) =>
        world.writer.write((touch) => {
          touch(id)
          return keep(world, String(Math.random()))
        }),
      ),
    )

    expect(world.announced).toEqual([[3, 5]])
  })

  it('that change nothing cost no commit', async () => {
    const world = openWriter()

    expect(await world.writer.write(() => 'looked')).toBe('looked')
    expect(world.stages).toEqual([])
  })

  it('are all refused when the disk is full, and work again when it is not', async () => {
    const world = openWriter()
    world.database.exec('pragma max_page_count = 3')
    const big = 'x'.repeat(50_000)

    const all = await Promise.allSettled([
      world.writer.write(() => keep(world, 'small')),
      world.writer.write(() => keep(world, big)),
    ])

    const full = {
      status: 'rejected',
      reason: { code: 'unavailable', message: 'state.db could not be written: the disk is full' },
    }
    expect(all.at(-1)).toMatchObject(full)
    expect(kept(world)).toEqual(all[0].status === 'fulfilled' ? ['small'] : [])
    world.database.exec('pragma max_page_count = 1000')
    await world.writer.write(() => keep(world, big))
    expect(kept(world)).toContain(big)
  })

  it('all fail when the commit fails', async () => {
    const world = openWriter()
    world.database.exec('create table child (id integer references kept (text) deferrable initially deferred)')
    world.database.exec('pragma foreign_keys = on')

    const all = await Promise.allSettled([
      world.writer.write(() => keep(world, 'a')),
      world.writer.write(() => world.database.prepare(`insert into child values ('nobody')`).run()),
    ])

    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(kept(world)).toEqual([])
    await world.writer.write(() => keep(world, 'b'))
    expect(kept(world)).toEqual(['b'])
  })

  it('that wait when the store closes are still committed; later ones are refused', async () => {
    const world = openWriter()
    const waiting = world.writer.write(() => keep(world, 'a'))
    world.writer.close()

    await waiting
    expect(kept(world)).toEqual(['a'])
    await expect(world.writer.write(() => keep(world, 'b'))).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('a database that another process has locked', () => {
  it('is unavailable soon, for reading not at all, and works again afterwards', async () => {
    const { store, directory } = await openTestStore()
    await store.accept(arrival({}))
    const { process: child, firstLine, exited } = startChild('lock', directory)
    await firstLine
    const before = performance.now()

    const all = await Promise.allSettled([store.accept(arrival({})), store.ping(), claim(store)])

    const waited = performance.now() - before
    const locked = {
      status: 'rejected',
      reason: { code: 'unavailable', message: 'state.db is locked by another process' },
    }
    expect(all).toMatchObject([locked, locked, locked])
    // One busy timeout (1 s) for the three together, with room for a slow machine; the lock is there for a minute.
    expect(waited).toBeLessThan(5000)
    expect(await store.deliveries({ limit: 9 })).toHaveLength(1)
    child.kill('SIGKILL')
    await exited
    await store.ping()
    await store.accept(arrival({}))
    expect(await store.deliveries({ limit: 9 })).toHaveLength(2)
  })
})

describe('a database that another process has had locked for a while', () => {
  it('keeps nobody waiting for the whole of its patience once more, until it is free again', async () => {
    const { store, directory } = await openTestStore()
    const other = openRaw(directory)
    other.exec('begin immediate')
    await expect(store.ping()).rejects.toMatchObject({ code: 'unavailable' })

    const before = performance.now()
    for (let tried = 0; tried < 5; tried++)
      await expect(store.accept(arrival({}))).rejects.toMatchObject({ code: 'unavailable' })
    expect(performance.now() - before).toBeLessThan(1500)

    other.exec('rollback')
    await store.accept(arrival({}))
    other.exec('begin immediate')
    const locked = performance.now()
    await expect(store.ping()).rejects.toMatchObject({ code: 'unavailable' })
    expect(performance.now() - locked).toBeGreaterThan(900)
  })
})

describe('a closed store', () => {
  it('answers that it is closed', async () => {
    const { store } = await openTestStore()
    await store.close()

    await expect(store.accept(arrival({}))).rejects.toMatchObject({ code: 'closed' })
    await expect(store.deployment(1)).rejects.toMatchObject({ code: 'closed' })
  })
})
