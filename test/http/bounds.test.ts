import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { headersOf } from '../../src/http/headers.ts'
import { createQuietLog } from '../../src/http/quiet-log.ts'
import { createRefusalLimit } from '../../src/http/refusal-limit.ts'
import { createSlots } from '../../src/http/slots.ts'

describe('the limit of refusals', () => {
  function limit(change: { maxAddresses?: number } = {}) {
    let time = 0
    const mayRefuse = createRefusalLimit({ burst: 2, everyMs: 1000, maxAddresses: 10, ...change, now: () => time })
    return { mayRefuse, after: (ms: number) => (time += ms) }
  }

  it('allows a burst, then one for each interval, and never more than the burst after a rest', () => {
    const { mayRefuse, after } = limit()
    expect([1, 2, 3].map(() => mayRefuse('a'))).toEqual([true, true, false])
    after(999)
    expect(mayRefuse('a')).toBe(false)
    after(1)
    expect([1, 2].map(() => mayRefuse('a'))).toEqual([true, false])
    after(3_600_000)
    expect([1, 2, 3].map(() => mayRefuse('a'))).toEqual([true, true, false])
  })

  it('is kept for each address alone', () => {
    const { mayRefuse } = limit()
    for (let sent = 0; sent < 5; sent++) mayRefuse('a')
    expect(mayRefuse('b')).toBe(true)
  })

  it('forgets the address that was quiet for longest, and keeps the one that is busy', () => {
    const { mayRefuse } = limit({ maxAddresses: 2 })
    for (const address of ['busy', 'busy', 'quiet', 'quiet', 'busy', 'new']) mayRefuse(address)
    expect(mayRefuse('busy')).toBe(false)
    expect(mayRefuse('quiet')).toBe(true)
  })
})

describe('the quiet log', () => {
  it('says so many lines a minute of each kind, then how many it left out', () => {
    const said: unknown[] = []
    let time = 0
    const warn = createQuietLog(
      {
        debug: () => undefined,
        info: () => undefined,
        warn: (fields, message) => said.push([message, fields]),
        error: () => undefined,
      },
      { perMinute: 2, now: () => time },
    )
    for (let number = 0; number < 5; number++) warn('a', { number }, 'refused')
    warn('b', {}, 'other')
    time = 60_000
    warn('a', { number: 9 }, 'refused')
    expect(said).toEqual([
      ['refused', { number: 0 }],
      ['refused', { number: 1 }],
      ['other', {}],
      ['lines like the next one were left out', { kind: 'a', suppressed: 3 }],
      ['refused', { number: 9 }],
    ])
  })
})

describe('slots', () => {
  it('are given in turn, and back when their holder closes, also to one that left the queue', async () => {
    const slot = createSlots(1)
    const holders = Array.from({ length: 4 }, () => new EventEmitter())
    const started: number[] = []
    holders.forEach((holder, number) => void slot(holder).then(() => started.push(number)))
    const settle = () => new Promise((resolve) => setImmediate(resolve))
    await settle()
    expect(started).toEqual([0])
    holders[1]?.emit('close')
    await settle()
    expect(started).toEqual([0, 1]) // let go, so that its request can fail; it holds no slot
    holders[0]?.emit('close')
    await settle()
    expect(started).toEqual([0, 1, 2])
    holders[2]?.emit('close')
    holders[3]?.emit('close')
    const next = new EventEmitter()
    await slot(next)
  })
})

describe('the headers of a delivery', () => {
  it('are those that were sent, one sent twice joined, whatever their names', () => {
    const headers = headersOf({ rawHeaders: ['X-A', '1', 'x-a', '2', 'Host', 'a', 'host', 'b', '__proto__', 'c'] })
    expect(Object.entries(headers)).toEqual([
      ['x-a', '1, 2'],
      ['host', 'a, b'],
      ['__proto__', 'c'],
    ])
  })
})
