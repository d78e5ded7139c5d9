import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import type { Identity } from './identity.ts'
import { closedTo } from './look-as.ts'

/** Everybody may enter it and nobody look around, whatever the umask. */
export async function openHandover(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o711 })
  await chmod(directory, 0o711)
}

/** Why nothing can be handed over to the user, or null. */
export async function handoverProblem(user: Identity): Promise<string | null> {
  const { name, handover } = user
  try {
    await openHandover(handover)
    await openServices(dirname(handover))
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    return `run_as: what steps of ${name} need cannot be kept in ${handover} (${code}): give the service RuntimeDirectory=deployhook, or make that place writable to root`
  }
  const closed = await closedTo(user, handover)
  return closed === null
    ? null
    : `run_as: ${name} may not enter ${closed}, on the way to ${handover}: chmod o+x ${closed}`
}

/** RuntimeDirectoryMode=0750 is meant for the control socket, which nobody else can open by its own mode either. */
async function openServices(directory: string): Promise<void> {
  if (directory === '/run') return
  const { mode } = await stat(directory)
  if ((mode & 0o001) === 0) await chmod(directory, (mode & 0o777) | 0o001)
}
