import { readFileSync } from 'node:fs'

/** What our unit puts into the environment of the daemon. */
export function unitEnvironment(): Readonly<Record<string, string>> {
  const unit = readFileSync(new URL('../../systemd/deployhook.service', import.meta.url), 'utf8')
  const pairs = /^Environment=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? []
  return Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string]))
}
