import { readProgram } from '../../runner/exec.ts'
import { usage } from './answers.ts'

/** Who runs the daemon, where it is another user than who runs this. */
export type ServiceUser = { readonly name: string; readonly uid: number; readonly gid: number }

/** null: whoever runs this. Only root can give files to another. */
export async function serviceUserOf(
  named: string | undefined,
  { uid }: { readonly uid: number },
): Promise<ServiceUser | null> {
  if (uid !== 0) {
    if (named === undefined) return null
    const user = await lookUp(named)
    if (user?.uid === uid) return null
    throw usage(`--user ${named} is somebody else, whom only root can give files to: run this as root, or as ${named}`)
  }
  const user = await lookUp(named ?? 'deployhook')
  if (named !== undefined && user === null) throw usage(`there is no user ${named}: useradd --system ${named}`)
  return user?.uid === 0 ? null : user
}

async function lookUp(name: string): Promise<ServiceUser | null> {
  if (!/^[a-z_][a-z0-9_.-]*\$?$/i.test(name)) return null
  const { exitCode, output } = await readProgram(['getent', 'passwd', name], { timeoutMs: 10_000 })
  const [, , uid = '', gid = ''] = output.toString().split('\n')[0]?.split(':') ?? []
  return exitCode === 0 && /^\d+$/.test(uid) && /^\d+$/.test(gid) ? { name, uid: Number(uid), gid: Number(gid) } : null
}
