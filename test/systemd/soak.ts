import { given } from '../soak/given.ts'
import { openInstalled } from './support/installed.ts'
import { whyNoMachine } from './support/machine.ts'
import { killAndWait, underLoad, upgrade, type Answers } from './upgrades.ts'

/**
 * `npm run soak:upgrades [-- ROUNDS]`: kills and restarts the installed daemon a hundred times in all, under load, and
 * upgrades it at every tenth. Fails when one connection is refused, or anything else than 202 is answered.
 */
const why = whyNoMachine()
if (why !== null) throw new Error(`no systemd can be booted here: ${why}`)
const rounds = given(2, 100)

await using installed = await openInstalled()
await installed.configure({ blog: { steps: ['cp page built'] } })
const total: Record<string, number> = {}
const counts = { kills: 0, restarts: 0, upgrades: 0 }

// In parts, so that what has been seen so far is told.
for (let done = 0; done < rounds; done += 10) {
  const part = Math.min(10, rounds - done)
  add(await underLoad(installed, () => trouble(part, done)))
  process.stdout.write(`${JSON.stringify({ ...counts, answers: total })}\n`)
}

const { '202': accepted = 0, ECONNRESET: cutOff = 0, ...others } = total
const [newest] = await installed.deployments()
const last = newest === undefined ? null : await installed.done(newest.id)
const isLive = (await installed.machine.sh('cat /srv/blog/built')) === 'load\n'
const isWell = Object.keys(others).length === 0 && accepted > 0 && cutOff <= 4 * counts.kills && isLive && last !== null
process.stdout.write(`${isWell ? 'well' : 'NOT WELL'}: the newest deployment ended ${last?.outcome ?? 'never'}\n`)
process.exitCode = isWell ? 0 : 1

async function trouble(part: number, before: number): Promise<void> {
  for (let round = before; round < before + part; round++) {
    if (round % 10 === 9) {
      await upgrade(installed, `99.${round}.0`)
      counts.upgrades++
    } else if (round % 2 === 0) {
      await killAndWait(installed)
      counts.kills++
    } else {
      await installed.machine.sh('systemctl restart deployhook')
      counts.restarts++
    }
  }
}

function add(answers: Answers): void {
  for (const [status, count] of Object.entries(answers)) total[status] = (total[status] ?? 0) + count
}
