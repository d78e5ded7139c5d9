import { describe, expect, it } from 'vitest'
import { recover, supersede, waitingFor, type Standing, type Waiting } from '../../src/model/queue.ts'

const push: Waiting = { id: 1, trigger: 'push', place: 1 }
const catchUp: Waiting = { id: 2, trigger: 'catch-up', place: 2 }
const manual: Waiting = { id: 3, trigger: 'manual', place: 3 }
const retry: Waiting = { id: 4, trigger: 'retry', place: 4 }

describe('a new deployment', () => {
  it('goes to the end of an empty queue', () => {
    expect(supersede('push', [])).toEqual({ superseded: [], place: null })
  })

  it.each(['push', 'catch-up', 'replay'] as const)(
    'of trigger %s supersedes a queued automatic one and takes its place',
    (trigger) => {
      expect(supersede(trigger, [push])).toEqual({ superseded: [push], place: 1 })
      expect(supersede(trigger, [catchUp])).toEqual({ superseded: [catchUp], place: 2 })
    },
  )

  it.each(['push', 'catch-up', 'replay'] as const)("of trigger %s waits behind a person's", (trigger) => {
    expect(supersede(trigger, [manual])).toEqual({ superseded: [], place: null })
    expect(supersede(trigger, [retry, { ...push, place: 7 }])).toEqual({
      superseded: [{ ...push, place: 7 }],
      place: 7,
    })
  })

  it.each(['manual', 'retry', 'rollback'] as const)(
    'of trigger %s supersedes all that is queued, at the foremost place',
    (trigger) => {
      expect(supersede(trigger, [retry, push])).toEqual({ superseded: [retry, push], place: 1 })
    },
  )
})

describe('a deployment that the daemon died in', () => {
  const died = {
    trigger: 'push',
    deaths: 1,
    cancelRequested: false,
    maxAttempts: 3,
    onInterrupt: 'requeue',
    queued: [],
  } as const

  it('is queued again', () => {
    expect(recover(died)).toEqual({ kind: 'requeue' })
  })

  it.each([push, catchUp, manual])('gives way to a queued $trigger, which would have superseded it', (queued) => {
    expect(recover({ ...died, queued: [queued] })).toEqual({ kind: 'superseded', by: queued.id })
  })

  it("of a person is queued again before a queued automatic one, and gives way to another person's", () => {
    expect(recover({ ...died, trigger: 'manual', queued: [push] })).toEqual({ kind: 'requeue' })
    expect(recover({ ...died, trigger: 'manual', queued: [push, retry] })).toEqual({ kind: 'superseded', by: retry.id })
  })

  it('stays interrupted when its app says so or is gone, whatever else is queued', () => {
    expect(recover({ ...died, onInterrupt: 'stop', queued: [push] })).toEqual({
      kind: 'interrupted',
      reason: 'on_interrupt',
    })
    expect(recover({ ...died, onInterrupt: 'gone', queued: [push] })).toEqual({
      kind: 'interrupted',
      reason: 'app_removed',
    })
  })

  it('is not run again when a person had asked for its end', () => {
    expect(recover({ ...died, cancelRequested: true, queued: [push] })).toEqual({ kind: 'cancelled' })
  })

  it('is not tried for ever: it is taken to be the cause at the last allowed death', () => {
    expect(recover({ ...died, deaths: 2 })).toEqual({ kind: 'requeue' })
    expect(recover({ ...died, deaths: 3 })).toEqual({ kind: 'poison' })
    expect(recover({ ...died, deaths: 4 })).toEqual({ kind: 'poison' })
  })
})

describe('what a queued deployment waits for', () => {
  const running: Standing = { id: 1, app: 'blog', state: 'running', concurrencyGroup: 'acme/blog' }
  const queued = (id: number, app: string, concurrencyGroup: string): Standing => ({
    id,
    app,
    state: 'queued',
    concurrencyGroup,
  })

  it('is its turn, behind a running or queued one of its group', () => {
    const queue = [
      running,
      queued(2, 'docs', 'acme/blog'),
      queued(3, 'shop', 'acme/shop'),
      queued(4, 'till', 'acme/shop'),
    ]

    expect(waitingFor(2, queue)).toBe('turn')
    expect(waitingFor(4, queue)).toBe('turn')
  })

  it('is its turn behind its own app, although that now runs in another group', () => {
    expect(waitingFor(2, [running, queued(2, 'blog', 'another')])).toBe('turn')
  })

  it('is a free slot when nothing of its group goes before it', () => {
    expect(waitingFor(3, [running, queued(3, 'shop', 'acme/shop'), queued(4, 'till', 'acme/shop')])).toBe('slot')
  })

  it('is nothing when it runs, or is not in the queue', () => {
    expect(waitingFor(1, [running])).toBeNull()
    expect(waitingFor(9, [running])).toBeNull()
  })
})
