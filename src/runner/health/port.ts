import { once } from 'node:events'
import { createServer } from 'node:net'
import type { HealthCheck } from '../../model/health-check.ts'

/** The check with the port of the preview wherever it says `{port}`. */
export function onPort(check: HealthCheck, port: number): HealthCheck {
  const { probe } = check
  if (probe.kind === 'http') return { ...check, probe: { ...probe, url: probe.url.replaceAll('{port}', String(port)) } }
  return probe.kind === 'tcp' && probe.port === null ? { ...check, probe: { ...probe, port } } : check
}

/**
 * A port of 127.0.0.1 that was free a moment ago: the system chose it, and it was closed again for the preview to take.
 * Somebody else may be quicker. Then the preview cannot listen, and its deployment fails before the switch, unless the
 * other one answers the preview's checks.
 */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  return address.port
}
