import { locate } from './not-started.ts'
import { systemPath } from './environment.ts'
import { readProgram } from './exec.ts'

/** Another user of this machine than the daemon's own, as the system's database knows it now. */
export type Identity = {
  readonly name: string
  readonly uid: number
  /** Its primary group. */
  readonly gid: number
  /** What the database says; it need not exist. */
  readonly home: string
  /** setpriv(1), absolute: it is started as root, and PATH may lead to where the user can write. */
  readonly setpriv: string
  /** A directory of root's that everybody may enter and nobody list: what a command of the user is given lies in it. */
  readonly handover: string
}

/** What stands before a command to have it run as that user: its groups, which libuv's uid option would drop, and no capability. */
export function becoming({ setpriv, uid, gid }: Identity): readonly [string, ...string[]] {
  return [setpriv, '--reuid', String(uid), '--regid', String(gid), '--init-groups', '--inh-caps=-all', '--']
}

export type IdentityFound =
  | { readonly kind: 'own' }
  | { readonly kind: 'other'; readonly identity: Identity }
  | { readonly kind: 'problem'; readonly message: string }

/** Whom `run_as` names; `own`: the daemon itself, so that nothing is different. */
export async function identityOf(
  name: string | null,
  { uid: own, handover }: { readonly uid: number; readonly handover: string },
): Promise<IdentityFound> {
  if (name === null) return { kind: 'own' }
  const entry = await passwdEntry(name)
  if (typeof entry === 'string') return problem(entry)
  if (entry.uid === own) return { kind: 'own' }
  if (own !== 0)
    return problem(`run_as: ${name} is another user than deployhook's own, and only root can run steps as another`)
  const setpriv = locate('setpriv', { cwd: '/', searchPath: systemPath })
  if (setpriv === null) return problem(`run_as needs the program setpriv of util-linux: install util-linux`)
  return { kind: 'other', identity: { ...entry, setpriv, handover } }
}

function problem(message: string): IdentityFound {
  return { kind: 'problem', message }
}

/** Asked of getent(1), which knows every source of nsswitch.conf(5), not just /etc/passwd. */
async function passwdEntry(name: string): Promise<Pick<Identity, 'name' | 'uid' | 'gid' | 'home'> | string> {
  const { exitCode, output } = await readProgram(['getent', 'passwd', name], { timeoutMs: 30_000 })
  if (exitCode === 2)
    return `run_as: there is no user ${name} on this machine (any more): make it (useradd --system ${name}), or name another`
  const [, , uid = '', gid = '', , home = ''] = output.toString().split('\n')[0]?.split(':') ?? []
  if (exitCode === 0 && isNumber(uid) && isNumber(gid)) return { name, uid: Number(uid), gid: Number(gid), home }
  return `run_as: the system did not say who ${name} is: see what \`getent passwd ${name}\` answers`
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text)
}
