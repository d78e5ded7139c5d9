import { describe, expect, it } from 'vitest'
import { parseCron, type CronWindow } from '../../src/lib/cron.ts'
import {
  everyApp,
  freezeOf,
  gateOf,
  nextOpening,
  openGates,
  type Freeze,
  type Gated,
  type Gates,
  type Hold,
} from '../../src/model/gate.ts'

const at = new Date('2026-11-24T20:00:00Z')
const by = { by: 'ann', reason: null, at }
const hold: Hold = { ...by, app: 'blog', release: null, revision: null, deployment: 3, until: 'unhold' }
const frozen = (scope: string, until: string | null = null): Freeze => ({
  ...by,
  scope,
  until: until === null ? null : new Date(until),
})
const pushed: Gated = { app: 'blog', trigger: 'push', forced: false, approvedAt: null }
const closed = { approve: true, windows: [officeHours()] }
const open = { approve: false, windows: [] }
const shut: Gates = { holds: [hold], freezes: [frozen('blog')] }

describe('a queued deployment waits', () => {
  const gate = (deployment: Gated, given: { rules?: typeof closed; gates?: Gates; at?: Date } = {}) =>
    gateOf(deployment, { rules: closed, gates: shut, at, ...given })

  it('for a freeze first, then for a hold, an approval and a window', () => {
    expect(gate(pushed)).toBe('freeze')
    expect(gate(pushed, { gates: { ...shut, freezes: [] } })).toBe('hold')
    expect(gate(pushed, { gates: openGates })).toBe('approval')
    expect(gate({ ...pushed, approvedAt: at }, { gates: openGates })).toBe('window')
  })

  it('for nothing while all are open', () => {
    expect(gate(pushed, { gates: openGates, rules: open })).toBeNull()
    const monday = new Date('2026-11-23T10:00:00Z')
    expect(gate({ ...pushed, approvedAt: at }, { gates: openGates, at: monday })).toBeNull()
  })

  it('for a freeze only, when a person asked for it, and not even for that when it is forced', () => {
    for (const trigger of ['manual', 'retry', 'rollback'] as const) {
      expect(gate({ ...pushed, trigger })).toBe('freeze')
      expect(gate({ ...pushed, trigger, forced: true })).toBeNull()
    }
  })

  it('not for what keeps another app back', () => {
    expect(gate({ ...pushed, app: 'shop' }, { rules: open })).toBeNull()
  })
})

describe('a freeze', () => {
  it('of every app is one of each, and of two the one that lasts longer is told', () => {
    const freezes = [frozen('blog', '2026-11-24T21:00:00Z'), frozen(everyApp, '2026-11-24T22:00:00Z')]
    expect(freezeOf('blog', { ...openGates, freezes }, at)?.scope).toBe(everyApp)
    expect(freezeOf('blog', { ...openGates, freezes: [...freezes, frozen('blog')] }, at)?.until).toBeNull()
    expect(freezeOf('shop', { ...openGates, freezes }, at)?.scope).toBe(everyApp)
  })

  it('is over when its time has come', () => {
    const freezes = [frozen('blog', at.toISOString())]
    expect(freezeOf('blog', { ...openGates, freezes }, at)).toBeNull()
  })
})

describe('the next time that something may start by itself', () => {
  const next = (gates: Gates, rules = open as typeof closed) =>
    nextOpening([pushed], { apps: new Map([['blog', rules]]), gates, at })?.toISOString()

  it('is the end of a freeze, or the start of a window', () => {
    expect(next({ ...openGates, freezes: [frozen(everyApp, '2026-11-24T21:00:00Z')] })).toBe('2026-11-24T21:00:00.000Z')
    expect(next(openGates, { ...closed, approve: false })).toBe('2026-11-25T09:00:00.000Z')
  })

  it.each([
    ['what is frozen until somebody ends that', { gates: { ...openGates, freezes: [frozen('blog')] }, rules: closed }],
    ['what is held', { gates: { ...openGates, holds: [hold] }, rules: closed }],
    ['what is to be approved', { gates: openGates, rules: closed }],
    ['what waits for its turn', { gates: openGates, rules: open }],
  ])('is none for %s', (_what, { gates, rules }) => {
    expect(next(gates, rules)).toBeUndefined()
  })
})

function officeHours(): CronWindow {
  const window = parseCron('* 9-16 * * mon-fri', 'UTC')
  if ('problem' in window) throw new Error(window.problem)
  return window
}
