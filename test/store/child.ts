import { randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Secret } from '../../src/lib/secret.ts'
import { openStore, StoreError } from '../../src/store/index.ts'

// What the store's tests run as a process of its own: `hold DIR`, `lock DIR`, `accept DIR STAGE N [early]`, `log DIR CHUNK N`,
// `insist DIR`.

const [, , verb, directory = '', stage = '', count = '0', mode] = process.argv
const user = Number(process.env['BECOME'] ?? 0)
if (user > 0) {
  process.setgroups?.([])
  process.setgid?.(user)
  process.setuid?.(user)
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

if (verb === 'hold') await hold()
if (verb === 'lock') await lock()
if (verb === 'accept') await accept()
if (verb === 'log') await log()
if (verb === 'insist') await insist()

/** Has the store open until it is killed; says the code of a refusal. */
async function hold(): Promise<void> {
  try {
    const store = await openStore(directory, { log: silent, failPoint: () => undefined })
    say('open')
    await sleep(60_000)
    await store.close() // the lock lives as long as somebody holds the store
  } catch (error) {
    say(error instanceof StoreError ? `${error.code}: ${error.message}` : String(error))
  }
}

/** Holds the database's write lock until it is killed. */
async function lock(): Promise<void> {
  const database = new DatabaseSync(join(directory, 'state.db'))
  database.exec('begin immediate')
  say('locked')
  await sleep(60_000)
}

/** Accepts three deliveries at a time, says which are acknowledged, and dies at the Nth time the stage is reached. */
async function accept(): Promise<void> {
  let reached = 0
  const store = await openStore(directory, {
    log: silent,
    failPoint(name) {
      if (name === stage && ++reached === Number(count)) process.kill(process.pid, 'SIGKILL')
    },
  })
  const { arrival } = await import('./arrival.ts')
  for (let number = 0; ; number += 3) {
    await Promise.all(
      [number, number + 1, number + 2].map(async (id) => {
        if (mode === 'early') say(`id-${id}`)
        await store.accept(arrival({ providerId: `id-${id}`, apps: [`app-${id}`] }))
        if (mode !== 'early') say(`id-${id}`)
      }),
    )
  }
}

/**
 * Accepts deliveries of a body that fills many pages, one after the other, until one is refused; asks once more, and says
 * what it was told. Ends as the daemon does: without closing anything.
 */
async function insist(): Promise<void> {
  const store = await openStore(directory, { log: silent, failPoint: () => undefined })
  const { arrival } = await import('./arrival.ts')
  const body = randomBytes(20_000).toString('hex')
  for (let number = 0, refused = 0; number < 500 && refused < 2; number++) {
    try {
      await store.accept(arrival({ providerId: `id-${number}`, apps: [`app-${number}`], body: `${number} ${body}` }))
      say(`id-${number}`)
    } catch (error) {
      refused++
      say(error instanceof StoreError ? error.code : String(error))
    }
  }
  await store.close()
  process.exit()
}

/** Writes a chunk of 64 KiB N times to a log and says by how many MiB the process grew. */
async function log(): Promise<void> {
  const store = await openStore(directory, { log: silent, failPoint: () => undefined })
  const sink = await store.openLog(1, [new Secret('hunter22'), new Secret('x'.repeat(40) + 'y')])
  const chunk = Buffer.alloc(65_536, stage)
  const before = process.resourceUsage().maxRSS
  for (let written = 0; written < Number(count); written++) await sink.output(1, chunk)
  await sink.close()
  await store.close()
  say(String((process.resourceUsage().maxRSS - before) / 1024))
}

/** Synchronously, so that nothing said is lost by dying. */
function say(line: string): void {
  writeSync(1, `${line}\n`)
}
