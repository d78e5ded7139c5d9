import { expect, it } from 'vitest'
import { steadyClock } from '../../src/lib/clock.ts'
import { createClockWatch } from '../../src/lib/clock-watch.ts'

const start = Date.parse('2026-03-01T12:00:00Z')
const hour = 3_600_000

/** A machine whose two clocks the test turns. */
function createMachine() {
  let [wall, steady] = [start, 5000]
  const warnings: string[] = []
  return {
    warnings,
    clock: { now: () => new Date(wall) },
    monotonic: () => steady,
    log: { warn: (_: object, message: string) => void warnings.push(message) },
    pass(ms: number) {
      wall += ms
      steady += ms
    },
    set: (byMs: number) => void (wall += byMs),
  }
}

it('a steady clock measures what passed, whatever the machine’s is set to', () => {
  const machine = createMachine()
  const clock = steadyClock(new Date(start), machine.monotonic)
  machine.set(-hour)
  machine.pass(1500)
  expect(clock.now().getTime() - start).toBe(1500)
})

it.each([
  ['back by an hour', -hour],
  ['forward by a year', 8760 * hour],
  ['beyond 2038', 17_000 * 24 * hour],
])('a clock that is set %s is noticed, told once, and held against it for a day', (_, byMs) => {
  const machine = createMachine()
  const watch = createClockWatch(machine)
  machine.pass(60_000)
  expect(watch.hasJumped()).toBe(false)
  machine.set(byMs)

  expect(watch.hasJumped()).toBe(true)
  machine.pass(23 * hour)
  expect(watch.hasJumped()).toBe(true)
  expect(machine.warnings).toEqual([expect.stringContaining('jumped')])
  machine.pass(2 * hour)
  expect(watch.hasJumped()).toBe(false)
})

it('a clock that was set wrong and is set right again is trusted at once', () => {
  const machine = createMachine()
  const watch = createClockWatch(machine)
  machine.set(8760 * hour)
  expect(watch.hasJumped()).toBe(true)
  machine.pass(hour)
  machine.set(-8760 * hour + 200)

  expect(watch.hasJumped()).toBe(false)
  expect(machine.warnings).toHaveLength(2)
})

it('a clock that NTP slews is no jump', () => {
  const machine = createMachine()
  const watch = createClockWatch(machine)
  for (let minute = 0; minute < 600; minute++) {
    machine.pass(60_000)
    machine.set(30)
    expect(watch.hasJumped()).toBe(false)
  }
})
