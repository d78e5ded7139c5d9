/**
 * Asks `/healthz` of the address every few milliseconds, whether or not the one before was answered, and writes what each
 * answer took, in milliseconds, one a line, when it is told to stop (SIGTERM). A process of its own: who measures is busy.
 */
import { Agent, get } from 'node:http'

const [address = '', everyMs = '5'] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const times: number[] = []
const asked = new Set<number>()

const asking = setInterval(() => {
  const at = performance.now()
  asked.add(at)
  get(`${address}/healthz`, { agent }, (answer) => {
    answer.resume().once('end', () => {
      asked.delete(at)
      if (answer.statusCode === 200) times.push(performance.now() - at)
    })
  }).on('error', () => {
    process.exit(1)
  })
}, Number(everyMs))

process.once('SIGTERM', () => {
  clearInterval(asking)
  // What is still open has waited at least this long.
  const now = performance.now()
  process.stdout.write(
    [...times, ...[...asked].map((at) => now - at)].map((ms) => `${ms.toFixed(2)}\n`).join(''),
    () => {
      process.exit(0)
    },
  )
})
process.stdout.write('asking\n')
