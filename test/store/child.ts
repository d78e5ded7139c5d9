import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStore } from '../../src/store/index.ts'

// What the store's tests run as a process of its own: `hold DIR`, `lock DIR`, or `accept DIR STAGE N [early]`.

const [, , verb, directory = '', stage = '', count = '0', mode] = process.argv
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

if (verb === 'hold') await hold()
if (verb === 'lock') await lock()
if (verb === 'accept') await accept()

/** Has the store open until it is killed. */
async function hold(): Promise<void> {
  await openStore(directory, { log: silent, failPoint: () => undefined })
  say('open')
  await sleep(60_000)
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

/** Synchronously, so that nothing said is lost by dying. */
function say(line: string): void {
  writeSync(1, `${line}\n`)
}
