import { describe, expect, it } from 'vitest'
import { recover, standings, supersede, waitingFor, type Standing, type Waiting } from '../../src/model/queue.ts'
import { openGates } from '../../src/model/gate.ts'
import { createApp } from '../support/map.ts'

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
    hasSwitched: false,
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
    const switched = { ...died, cancelRequested: true, hasSwitched: true }
    expect(recover(switched)).toEqual({ kind: 'requeue' })
    expect(recover({ ...switched, onInterrupt: 'gone' })).toEqual({ kind: 'cancelled' })
    expect(recover({ ...switched, deaths: 3 })).toEqual({ kind: 'cancelled' })
  })

  it('is not tried for ever: it is taken to be the cause at the last allowed death', () => {
    expect(recover({ ...died, deaths: 2 })).toEqual({ kind: 'requeue' })
    expect(recover({ ...died, deaths: 3 })).toEqual({ kind: 'poison' })
    expect(recover({ ...died, deaths: 4 })).toEqual({ kind: 'poison' })
  })
})

describe('what a queued deployment waits for', () => {
  const running: Standing = {
    ...{ id: 1, app: 'blog', state: 'running' },
    ...{ concurrencyGroup: 'acme/blog', realPath: '/srv/blog', gate: null },
  }
  const queued = (id: number, app: string, concurrencyGroup: string, realPath = `/srv/${app}`): Standing => ({
    id,
    app,
    state: 'queued',
    concurrencyGroup,
    realPath,
    gate: null,
  })
  const reason = (id: number, queue: readonly Standing[], maxRunning = 2) => waitingFor(id, { queue, maxRunning })

  it('is its turn, behind a running or queued one of its group', () => {
    const queue = [
      running,
      queued(2, 'docs', 'acme/blog'),
      queued(3, 'shop', 'acme/shop'),
      queued(4, 'till', 'acme/shop'),
    ]

    expect(reason(2, queue)).toBe('turn')
    expect(reason(4, queue)).toBe('turn')
  })

  it('is its turn behind its own app, although that now runs in another group', () => {
    expect(reason(2, [running, queued(2, 'blog', 'another')])).toBe('turn')
  })

  it.each(['/srv/blog', '/srv/blog/public', '/srv', '/'])(
    'is its turn, not a slot, where another app holds its real path: %s beside /srv/blog',
    (realPath) => {
      expect(reason(2, [running, queued(2, 'shop', 'acme/shop', realPath)], 1)).toBe('turn')
    },
  )

  it('is a free slot when as many run as may', () => {
    expect(reason(3, [running, queued(3, 'shop', 'acme/shop'), queued(4, 'till', 'acme/shop')], 1)).toBe('slot')
  })

  it.each(['/srv/blog-2', '/srv/blo', '/srv/shop/blog'])(
    'is nothing while a slot is free and %s, its path, is beside all others: it is about to start',
    (realPath) => {
      expect(reason(2, [running, queued(2, 'shop', 'acme/shop', realPath)])).toBeNull()
    },
  )

  it("is a gate that is shut, which is in nobody else's way", () => {
    const held: Standing = { ...queued(2, 'shop', 'acme/shop'), gate: 'hold' }
    expect(reason(2, [running, held])).toBe('hold')
    expect(reason(3, [held, queued(3, 'till', 'acme/shop')])).toBeNull()
  })

  it('is nothing when it runs, or is not in the queue', () => {
    expect(reason(1, [running])).toBeNull()
    expect(reason(9, [running])).toBeNull()
  })
})

describe('the queue as it stands', () => {
  const apps = new Map([['shop', createApp('shop', { path: '/srv/link', concurrencyGroup: 'now' })]])
  const realPath = (path: string): string => path.replace('link', 'shop')
  const at = new Date(0)
  const pushed = { trigger: 'push', forced: false, approvedAt: null } as const

  it('has of a running one what it was claimed with, and of a queued one what the map says now', () => {
    const claimedWith = { concurrencyGroup: 'then', realPath: '/srv/then' }
    const queue = [
      { id: 1, app: 'shop', state: 'running', ...pushed, ...claimedWith },
      { id: 2, app: 'shop', state: 'queued', ...pushed, concurrencyGroup: null, realPath: null },
    ] as const

    expect(standings(queue, { apps, realPath, gates: openGates, at })).toEqual([
      { id: 1, app: 'shop', state: 'running', ...claimedWith, gate: null },
      { id: 2, app: 'shop', state: 'queued', concurrencyGroup: 'now', realPath: '/srv/shop', gate: null },
    ])
  })

  it("leaves out a queued one that no app of the map claims: it is in nobody's way", () => {
    const gone = { id: 3, app: 'gone', state: 'queued', ...pushed, concurrencyGroup: null, realPath: null } as const
    expect(standings([gone], { apps, realPath, gates: openGates, at })).toEqual([])
  })
})
