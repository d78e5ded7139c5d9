import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMask } from '../../src/lib/masker.ts'
import { Secret } from '../../src/lib/secret.ts'
import { createSink } from '../../src/store/log-sink.ts'
import type { LogSink } from '../../src/store/store.ts'
import { rememberingLog, start, startChild, temporaryDirectory } from './support.ts'

type Given = { path?: string; secrets?: readonly string[]; head?: number; tail?: number }
type World = {
  readonly sink: LogSink
  readonly path: string
  readonly clock: { now: Date }
  readonly text: () => string
  readonly warnings: string[]
}

function openSink({
  path = join(temporaryDirectory(), '1.log'),
  secrets = [],
  head = 1e9,
  tail = 1000,
}: Given = {}): World {
  const { log, warnings } = rememberingLog()
  const clock = { now: start }
  const sink = createSink({
    path,
    mask: createMask(secrets.map((secret) => new Secret(secret))),
    now: () => clock.now,
    log,
    limits: { head, tail },
    onWritten: () => undefined,
  })
  const text = () => readFileSync(path, 'latin1').replaceAll(start.toISOString(), 'AT')
  return { sink, path, clock, warnings, text }
}

describe('the log of a deployment that another daemon goes on with', () => {
  it.each<[string, Given]>([
    ['all of it is kept', {}],
    ['its head is full', { head: 1 }],
  ])(
    'masks a secret of which the first daemon has seen the beginning and the second the rest: %s',
    async (_, given) => {
      const secrets = ['s3cr3t-value-0123', 'value-0123-and-more']
      const path = join(temporaryDirectory(), '1.log')
      const text = 'it is s3cr3t-value-0123-and-more here\n'
      for (let cut = 1; cut < text.length; cut++) {
        const first = openSink({ path: `${path}.${cut}`, secrets, ...given })
        await first.sink.output(1, Buffer.from('first\n'))
        await first.sink.output(1, Buffer.from(text.slice(0, cut)))
        const aside = await first.sink.putAside(1)
        await first.sink.close()
        const second = openSink({ path: `${path}.${cut}`, secrets })
        if (aside !== null) await second.sink.takeUp(1, aside)
        await second.sink.output(1, Buffer.from(text.slice(cut)))
        await second.sink.endStep(1)
        await second.sink.close()
        expect(
          second
            .text()
            .replace('AT 1 first\n', '')
            .replaceAll(/\n(?=AT)/g, '')
            .replaceAll('AT 1 ', ''),
        ).toBe('it is [secret] here\n')
      }
    },
  )
})

describe('the log of a deployment', () => {
  it("has the output of its steps and the daemon's own lines, in order", async () => {
    const { sink, text } = openSink()
    await sink.note('deploying main')
    await sink.output(1, Buffer.from('one\ntwo'))
    await sink.endStep(1)
    await sink.output(2, Buffer.from('three'))
    await sink.note('step 2 was stopped\nafter its limit')
    await sink.close()

    expect(text()).toBe(
      'AT - deploying main\nAT 1 one\nAT 1 two\nAT 2 three\nAT - step 2 was stopped\nAT - after its limit\n',
    )
  })

  it('keeps the bytes that are no text', async () => {
    const { sink, path } = openSink()
    const bytes = Buffer.from([0xff, 0xfe, 0, 0xc3, 0xa9, 10])
    await sink.output(1, bytes.subarray(0, 4))
    await sink.output(1, bytes.subarray(4))
    await sink.close()

    expect(readFileSync(path)).toEqual(Buffer.concat([Buffer.from(`${start.toISOString()} 1 `), bytes]))
  })

  it('has no secret, in output or notes, split over chunks, or held back to the end', async () => {
    const { sink, text } = openSink({ secrets: ['hunter22'] })
    await sink.note('using hunter22')
    await sink.output(1, Buffer.from('a hunt'))
    await sink.output(1, Buffer.from('er22 b\nhunter2'))
    await sink.endStep(1)
    await sink.output(2, Buffer.from('2 hunter2'))
    await sink.output(2, Buffer.from('2'))
    await sink.close()

    expect(text()).toBe('AT - using [secret]\nAT 1 a [secret] b\nAT 1 hunter2\nAT 2 2 [secret]\n')
  })

  it('goes on after a second attempt, on a line of its own even if the daemon died in the middle of one', async () => {
    const path = join(temporaryDirectory(), '1.log')
    writeFileSync(path, 'AT 1 first atte')
    const { sink, text } = openSink({ path })
    await sink.note('again')
    await sink.close()

    expect(text()).toBe('AT 1 first atte\nAT - again\n')
  })

  it('is not made before there is something to write', async () => {
    const { sink, path } = openSink()
    await sink.close()

    expect(existsSync(path)).toBe(false)
  })

  it('keeps writers in order that do not wait for each other', async () => {
    const { sink, text } = openSink()
    const all = Array.from({ length: 100 }, (_, number) => sink.output(1, Buffer.from(`${number}\n`)))
    await Promise.all([...all, sink.close()])

    expect(text()).toBe(Array.from({ length: 100 }, (_, number) => `AT 1 ${number}\n`).join(''))
  })
})

describe('an output that is too long', () => {
  it('is kept from the beginning and from the end, in whole lines, and says how much is missing', async () => {
    const { sink, text } = openSink({ head: 500, tail: 300 })
    const lines = Array.from({ length: 1000 }, (_, number) => `line ${number}`)
    for (const line of lines) await sink.output(1, Buffer.from(`${line}\n`))
    await sink.endStep(1)
    await sink.note('the end')
    await sink.close()

    const kept = text().split('\n')
    const gap = kept.findIndex((line) => line.includes('bytes of output left out'))
    const [before, after] = [kept.slice(0, gap), kept.slice(gap + 1, -2)]
    expect(before).toEqual(lines.slice(0, before.length).map((line) => `AT 1 ${line}`))
    expect(after).toEqual(lines.slice(-after.length).map((line) => `AT 1 ${line}`))
    expect(kept.slice(-2)).toEqual(['AT - the end', ''])
    expect(before.length).toBeGreaterThanOrEqual(14)
    expect(after.length).toBeGreaterThanOrEqual(7)
    const missing = lines.slice(before.length, -after.length).reduce((sum, line) => sum + line.length + 1, 0)
    expect(kept[gap]).toBe(
      `AT - … ${missing} bytes of output left out …`.replaceAll('…', Buffer.from('…').toString('latin1')),
    )
  })

  it.each([
    ['lines', Buffer.from(`${'x'.repeat(79)}\n`.repeat(800))],
    ['tiny lines', Buffer.from('x\n'.repeat(16_000))],
    ['one line without an end', Buffer.alloc(64_000, 'x')],
    ['one huge chunk', Buffer.alloc(4_000_000, 'x')],
  ])('of any size, as %s, takes no more room on the disk than head and tail', async (_, chunk) => {
    const { sink, path } = openSink({ secrets: ['hunter22', 'xxxxxxxxxxxxxy'], head: 1_000_000, tail: 100_000 })
    for (let written = 0; written < 4_000_000; written += chunk.length) await sink.output(1, chunk)
    await sink.close()

    expect(statSync(path).size).toBeLessThan(1_000_000 + 100_000 + 70_000 + 200)
    expect(statSync(path).size).toBeGreaterThan(1_000_000)
    expect(longestLineOf(readFileSync(path))).toBeLessThanOrEqual(64 * 1024 + 30)
  })

  it.each([
    ['80-byte lines', `${'-'.repeat(79)}\n`],
    ['one line without an end', '-'],
  ])('of 150 MB as %s does not grow the daemon', async (_, text) => {
    const { firstLine } = startChild('log', temporaryDirectory(), text, '2400')

    // A new buffer for each chunk would be over 40: V8 lets that much go stale before it collects it.
    expect(Number(await firstLine)).toBeLessThan(20)
  })

  it('leaves nothing out when head and tail together hold it all', async () => {
    const { sink, text } = openSink({ head: 100, tail: 1000 })
    for (let line = 0; line < 20; line++) await sink.output(1, Buffer.from(`${line}\n`))
    await sink.close()

    expect(text()).toBe(Array.from({ length: 20 }, (_, line) => `AT 1 ${line}\n`).join(''))
  })
})

describe('the end of an output that is too long', () => {
  const secret = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const key = 'first-line-of-it\nsecond-line-of-it\nthe-last-line-of-it'

  it.each([
    ['one after the other', secret],
    ['on lines of their own', `${secret}\n`],
    ['in the middle of lines', `.....\n...${secret}.....`],
    ['of several lines', `${key}\n`],
    ['of several lines, escaped as in JSON', JSON.stringify(key)],
  ])('has no part of a secret, wherever it is cut off, however it came: %s', async (_, text) => {
    const parts = [...secret.matchAll(/(?=(\w{4}))/g), ...key.matchAll(/(?=([a-z-]{6}))/g)].map(
      ([, part]) => part ?? '',
    )
    for (let length = 1; length < 200; length += 31) {
      const { sink, text: logged } = openSink({ secrets: [secret, key], head: 100, tail: 400 })
      const output = Buffer.from(text.repeat(20_000))
      for (let at = 0; at < output.length; at += length * 37) {
        await sink.output(1, output.subarray(at, at + length))
        await sink.output(1, output.subarray(at + length, at + length * 37))
      }
      await sink.endStep(1)
      await sink.close()

      const [before, after] = logged().split(' bytes of output left out ')
      expect(after?.includes('[secret]')).toBe(true)
      expect(parts.filter((part) => `${before ?? ''}${after ?? ''}`.includes(part))).toEqual([])
    }
  })

  it('has no part of a secret either when it came in such small pieces that fewer of them are kept', async () => {
    for (let shift = 0; shift < secret.length; shift += 5) {
      const { sink, text } = openSink({ secrets: [secret], head: 100, tail: 20_000 })
      await sink.output(1, Buffer.from(`a line of 100 bytes ${'.'.repeat(80)}\n`))
      await sink.output(1, Buffer.from('.'.repeat(shift)))
      for (const byte of Buffer.from(secret.repeat(200))) void sink.output(1, Buffer.from([byte]))
      await sink.close()

      const [, after] = text().split(' bytes of output left out ')
      expect(after?.slice(3).replaceAll('[secret]', '')).toBe('\nAT 1 \n')
    }
  })

  it('is as if it had never been in memory when nothing of it is missing, whatever came', async () => {
    const event = fc.oneof(
      fc.record({
        step: fc.constantFrom(1, 2),
        text: fc.array(fc.constantFrom('ab', 'abcde', 'cdefgh', 'e', '\n', 'abcdefgh', 'x\nyz'), { maxLength: 6 }),
      }),
      fc.record({ note: fc.constantFrom('a note', 'of abcdefgh') }),
      fc.record({ ended: fc.constantFrom(1, 2) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 30 }), fc.integer({ min: 0, max: 400 }), async (events, head) => {
        const logs = [1e9, head].map(async (limit) => {
          const { sink, text } = openSink({ secrets: ['abcdefgh', 'x\nyz'], head: limit, tail: 1e5 })
          await sink.note('begun')
          for (const one of events) {
            if ('note' in one) await sink.note(one.note)
            else if ('ended' in one) await sink.endStep(one.ended)
            else await sink.output(one.step, Buffer.from(one.text.join('')))
          }
          await sink.close()
          return text()
        })
        const [whole, inParts] = await Promise.all(logs)
        expect(inParts).toBe(whole)
      }),
      { numRuns: 100 },
    )
  })

  it('has the lines of each step, and the times at which they came', async () => {
    const { sink, path, clock } = openSink({ head: 10, tail: 300 })
    for (let line = 0; line < 100; line++) {
      clock.now = new Date(start.getTime() + line * 1000)
      await sink.output(line < 97 ? 1 : 2, Buffer.from(`${line}\n`))
      if (line === 96) await sink.endStep(1)
    }
    await sink.close()

    const lines = readFileSync(path, 'utf8').split('\n').slice(-6, -1)
    const at = (line: number) => new Date(start.getTime() + line * 1000).toISOString()
    expect(lines).toEqual([95, 96, 97, 98, 99].map((line) => `${at(line)} ${line < 97 ? 1 : 2} ${line}`))
  })

  it('closes a line that a step left open long ago', async () => {
    const { sink, text } = openSink({ secrets: ['hunter22'], head: 10, tail: 100 })
    await sink.output(1, Buffer.from('a line of step 1\n'))
    await sink.output(1, Buffer.from('hunter2'))
    await sink.endStep(1)
    for (let line = 0; line < 20_000; line++) await sink.output(2, Buffer.from(`${line}\n`))
    await sink.endStep(2)
    await sink.close()

    expect(text()).toMatch(/^AT 1 a line of step 1\nAT - .* left out .*\n(AT 2 \d+\n)+$/)
    expect(text()).toContain('AT 2 19999\n')
  })
})

describe('a log that cannot be written', () => {
  it.each(['/dev/full', '/nowhere/logs/1.log'])('does not break the deployment, and is told once: %s', async (path) => {
    const { sink, warnings } = openSink({ path })
    for (let line = 0; line < 5; line++) await sink.output(1, Buffer.from('hello\n'))
    await sink.note('bye')
    await sink.close()

    expect(warnings.filter((warning) => warning.includes('could not be written'))).toHaveLength(1)
  })

  it('is written all the same when its directory was removed, with a warning', async () => {
    const path = join(temporaryDirectory(), 'logs', '1.log')
    const { sink, text, warnings } = openSink({ path })
    await sink.output(1, Buffer.from('kept\n'))
    await sink.close()

    expect([text(), statSync(join(path, '..')).mode & 0o777]).toEqual(['AT 1 kept\n', 0o700])
    expect(warnings).toEqual([expect.stringContaining('was gone')])
  })

  it('says what is missing once it can be written again', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'later', 'logs', '1.log')
    const { sink, text } = openSink({ path })
    await sink.output(1, Buffer.from('lost\n'))
    mkdirSync(join(directory, 'later'))
    await sink.output(1, Buffer.from('kept\n'))
    await sink.close()

    expect(Buffer.from(text(), 'latin1').toString()).toMatch(
      /^AT - … 32 bytes of output could not be written …\nAT 1 kept\n$/m,
    )
  })

  it('does not follow a link that somebody put in its place', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'precious'), 'precious')
    symlinkSync(join(directory, 'precious'), join(directory, '1.log'))
    const { sink, warnings } = openSink({ path: join(directory, '1.log') })
    await sink.note('hello')
    await sink.close()

    expect(readFileSync(join(directory, 'precious'), 'utf8')).toBe('precious')
    expect(warnings).toHaveLength(1)
  })
})

function longestLineOf(bytes: Buffer): number {
  let longest = 0
  let from = 0
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
    longest = Math.max(longest, end - from)
    from = end + 1
  }
  return longest
}
