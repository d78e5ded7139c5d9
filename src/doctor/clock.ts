import { lengthOf } from '../lib/ago.ts'
import { each } from './each.ts'
import { ok, problem, warning, type Found } from './finding.ts'
import type { Check, Patient } from './patient.ts'

/** Signatures with a time in them are good for five minutes: GitLab's signing token, Standard Webhooks. */
const tooFarMs = 300_000
const noticedMs = 30_000

/** The machine's clock: against those of the git hosts, against a clock that nobody sets, and whether NTP keeps it. */
export const checkClock: Check = async (patient) => {
  const { daemon, program } = patient
  const [measured, ntp] = await Promise.all([
    measure(patient),
    program(['timedatectl', 'show', '--property=NTPSynchronized', '--value']),
  ])
  const jumped = daemon?.warnings.includes('clock_jumped') ?? false
  const found = [
    ...judge(measured),
    ...(jumped
      ? [
          warning(
            'clock',
            'was set, or stood still, within the last day',
            'see timedatectl; nothing is forgotten by its age meanwhile',
          ),
        ]
      : []),
    ...(ntp.exitCode === 0 && ntp.output.trim() === 'no'
      ? [warning('clock', 'is not kept right by NTP', 'timedatectl set-ntp true')]
      : []),
  ]
  return found
}

type Measured = { readonly host: string; readonly offMs: number }

/** By the Date of what answers over HTTP; a whole second, and the way there and back, are within what is tolerated. */
async function measure({ map, ask, now }: Patient): Promise<readonly Measured[]> {
  const origins = new Set(
    [...(map?.apps.values() ?? [])]
      .filter(({ repo }) => repo.protocol === 'https')
      .map(({ repo }) => new URL(repo.url).origin),
  )
  const asked = [...origins].slice(0, 3)
  const publicUrl = map?.server.publicUrl ?? null
  const measured = await each([...asked, ...(publicUrl === null ? [] : [publicUrl])], 4, async (url) => {
    const start = now().getTime()
    const answer = await ask({ url, method: 'HEAD' })
    const end = now().getTime()
    if (answer.kind === 'unreachable') return []
    const date = Date.parse(answer.headers['date'] ?? '')
    return Number.isNaN(date) ? [] : [{ host: new URL(url).host, offMs: (start + end) / 2 - (date + 500) }]
  })
  return measured.flat()
}

function judge(measured: readonly Measured[]): readonly Found[] {
  const [worst] = [...measured].sort((one, other) => Math.abs(other.offMs) - Math.abs(one.offMs))
  if (worst === undefined) return [ok('clock', 'no host told the time to compare it with')]
  const byMs = Math.abs(worst.offMs)
  const told = `is ${lengthOf(byMs)} ${worst.offMs > 0 ? 'ahead of' : 'behind'} that of ${worst.host}`
  if (byMs >= tooFarMs) return [problem('clock', `${told}: signatures that hold a time are refused`, cure)]
  if (byMs >= noticedMs) return [warning('clock', told, cure)]
  return [ok('clock', `agrees with that of ${measured.map(({ host }) => host).join(', ')}`)]
}

const cure = 'set it right and let NTP keep it so: timedatectl set-ntp true'
