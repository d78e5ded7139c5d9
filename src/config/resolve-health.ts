import { parseDuration } from '../lib/duration.ts'
import type { HealthCheck, Probe } from '../model/health-check.ts'
import type { WrittenHealthCheck } from './health-schema.ts'
import { commandOf, resolveEnv, type Reveal } from './resolve-steps.ts'
import { parseHostPort, parseStatus } from './text-rules.ts'

export function resolveHealthCheck(written: WrittenHealthCheck, secretOf: Reveal): HealthCheck {
  return {
    probe: probeOf(written, secretOf),
    timeoutMs: parseDuration(written.timeout ?? '5s') ?? 0,
    intervalMs: parseDuration(written.interval ?? '1s') ?? 0,
    retries: written.retries ?? 30,
    preview: written.preview ?? false,
  }
}

function probeOf(written: WrittenHealthCheck, secretOf: Reveal): Probe {
  const { http, tcp, command, systemd_unit } = written
  if (http !== undefined)
    return {
      kind: 'http',
      url: http,
      status: parseStatus(written.status ?? '200-299') ?? { from: 200, to: 299 },
      contains: written.contains ?? null,
      headers: resolveEnv(written.headers, secretOf),
      followRedirects: written.follow_redirects ?? false,
    }
  const address = tcp === undefined ? null : parseHostPort(tcp)
  if (address !== null) return { kind: 'tcp', ...address }
  if (command !== undefined) return { kind: 'command', run: commandOf(command, 'sh') }
  if (systemd_unit !== undefined) return { kind: 'systemd_unit', unit: systemd_unit }
  throw new Error('a health check of no kind was resolved before it was judged')
}
