import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'

/** What this machine knows of a user: its number; `unsure` where others than /etc/passwd are to be asked. */
export type UserFound =
  { readonly kind: 'found'; readonly uid: number } | { readonly kind: 'none' } | { readonly kind: 'unsure' }

export type LookUpUser = (name: string) => Promise<UserFound>

/** The user of this process, who may come from anywhere, or one of `passwd`: passwd(5), nsswitch.conf(5). */
export const lookUpUser: LookUpUser = (name) =>
  lookUpUserIn(name, { passwd: '/etc/passwd', nsswitch: '/etc/nsswitch.conf' })

export async function lookUpUserIn(
  name: string,
  { passwd, nsswitch }: { readonly passwd: string; readonly nsswitch: string },
): Promise<UserFound> {
  const own = ownUser()
  if (own?.name === name) return { kind: 'found', uid: own.uid }
  const line = (await linesOf(passwd)).map((text) => text.split(':')).find(([first]) => first === name)
  const uid = line?.[2] ?? ''
  if (/^\d+$/.test(uid)) return { kind: 'found', uid: Number(uid) }
  const [, sources = ''] =
    /^passwd:(.*)$/.exec((await linesOf(nsswitch)).find((text) => text.startsWith('passwd:')) ?? '') ?? []
  return { kind: sources.split(/\s+/).some((source) => remote.has(source)) ? 'unsure' : 'none' }
}

/** Where people and services of a whole network are kept. */
const remote: ReadonlySet<string> = new Set(['compat', 'ldap', 'nis', 'nisplus', 'sss', 'winbind', 'db', 'hesiod'])

function ownUser(): { readonly name: string; readonly uid: number } | null {
  try {
    const { username, uid } = userInfo()
    return { name: username, uid }
  } catch {
    // A number without a name: in a container that was started with one.
    return null
  }
}

/** What cannot be read says nothing. */
async function linesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n')
}
