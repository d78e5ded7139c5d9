import { userInfo } from 'node:os'
import { join } from 'node:path'

/** What of the daemon's own environment git may see on its way to a remote: proxies and authorities. */
export function networkEnvOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const proxies = ['HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()])
  const names = [...proxies, 'GIT_SSL_CAINFO', 'GIT_SSL_CAPATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR']
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

/** Whom the daemon runs as. */
export function userOf(env: NodeJS.ProcessEnv): { readonly name: string; readonly home: string } {
  const { username, homedir } = userInfo()
  return { name: username, home: env['HOME'] ?? homedir }
}

/**
 * Where commands of other users are given what they need: not in the state directory, which those cannot enter. With
 * `ProtectSystem=strict` root can write to no other part of /run than to what `RuntimeDirectory=` of the service names.
 */
export function handoverOf(env: NodeJS.ProcessEnv, stateId: string): string {
  const [ofService = ''] = (env['RUNTIME_DIRECTORY'] ?? '').split(':')
  return ofService === '' ? `/run/deployhook.${stateId}` : join(ofService, 'handover')
}
