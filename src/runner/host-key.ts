import type { Where } from './git-failure.ts'

/** How to make a host's key known: the line to run, and where to compare what it brings. */
export function hostKeyCure(where: Where, output: string): string {
  const { name, port } = hostOf(where, output)
  const file = where.knownHosts ?? '~/.ssh/known_hosts'
  const page = fingerprintPages.get(name)
  const compare =
    page === undefined
      ? 'with those that the host itself publishes or its administrator gives you'
      : `with those on ${page}`
  return `Run ssh-keyscan -p ${port} ${name} >> ${file} as the user that runs deployhook, then compare the fingerprints (ssh-keygen -lf ${file}) ${compare}`
}

/** The same for a host whose key is another than the known one, after the old one is out of the way. */
export function changedHostKeyCure(where: Where, output: string): string {
  const file = where.knownHosts === null ? '' : ` -f ${where.knownHosts}`
  return `If the change is announced, take the old key out with ssh-keygen -R ${hostOf(where, output).known}${file}. ${hostKeyCure(where, output)}`
}

type Host = {
  readonly name: string
  readonly port: number
  /** As known_hosts writes it. */
  readonly known: string
}

/**
 * The host that ssh means: as ssh itself names it (an alias of ~/.ssh/config stands for another), or as the URL does.
 * Only what a host name can be made of is taken from the output, for it ends in a line that people paste in a shell.
 */
function hostOf({ repo }: Pick<Where, 'repo'>, output: string): Host {
  const named = /host key (?:is known )?for \[?([A-Za-z0-9._:-]+?)\]?(?::(\d+))? (?:and|has)/i.exec(output)
  if (named?.[1] !== undefined) return host(named[1], named[2])
  const url = URL.parse(repo?.url ?? '')
  if (url !== null && url.hostname !== '') return host(url.hostname, url.port)
  return host(/^(?:[^@/]*@)?([^:/]+):/.exec(repo?.url ?? '')?.[1] ?? 'HOST', undefined)
}

function host(name: string, port: string | undefined): Host {
  const number = port === undefined || port === '' ? 22 : Number(port)
  return { name, port: number, known: number === 22 ? name : `'[${name}]:${number}'` }
}

/** Where the large hosts publish the fingerprints of their keys. */
const fingerprintPages: ReadonlyMap<string, string> = new Map([
  [
    'github.com',
    'https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints',
  ],
  ['gitlab.com', 'https://docs.gitlab.com/user/gitlab_com/#ssh-host-keys-fingerprints'],
  ['bitbucket.org', 'https://support.atlassian.com/bitbucket-cloud/docs/configure-ssh-and-two-step-verification/'],
  ['codeberg.org', 'https://docs.codeberg.org/security/ssh-fingerprint/'],
  ['ssh.dev.azure.com', 'https://learn.microsoft.com/azure/devops/repos/git/use-ssh-keys-to-authenticate'],
])
