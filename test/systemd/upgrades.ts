import { text } from 'node:stream/consumers'
import { until } from '../support/until.ts'
import { nextVersion, pushing, type Installed } from './support/installed.ts'

/** What the senders got, by status or by the code of the error that took its place. */
export type Answers = Readonly<Record<string, number>>

/**
 * Sends signed pushes without a pause, each over a connection of its own, while `meanwhile` happens; resolves to what
 * they got.
 */
export async function underLoad(
  { machine, commit }: Pick<Installed, 'machine' | 'commit'>,
  meanwhile: () => Promise<void>,
): Promise<Answers> {
  const over = '/root/load-over'
  const revision = await commit('load')
  await machine.sh(`rm -f ${over}`)
  const senders = machine.start(pushing(`load ${revision} ${over}`))
  if (senders.stdout === null || senders.stderr === null) throw new Error('the senders have no output')
  const [said, complaints] = [text(senders.stdout), text(senders.stderr)]
  try {
    await meanwhile()
  } finally {
    await machine.sh(`touch ${over}`)
  }
  const answers = await said
  if (answers === '') throw new Error(await complaints)
  return JSON.parse(answers) as Answers
}

/** Kills the daemon with SIGKILL, and waits until the next one is ready. */
export async function killAndWait({ machine, property }: Pick<Installed, 'machine' | 'property'>): Promise<void> {
  const pid = await property('MainPID')
  await machine.sh(`kill -9 ${pid}`)
  await isUp({ machine, property }, pid)
}

/** Installs a newer version of the package over the one that is there. */
export async function upgrade(installed: Installed, version: string): Promise<void> {
  const { machine } = installed
  const deb = await nextVersion(machine, version)
  await machine.sh(`dpkg -i ${deb}; rm ${deb}`)
}

async function isUp({ property }: Pick<Installed, 'machine' | 'property'>, before: string): Promise<void> {
  const isNew = async (): Promise<boolean> =>
    !['0', before].includes(await property('MainPID')) && (await property('ActiveState')) === 'active'
  await until('the next daemon', isNew, { everyMs: 100 })
}
