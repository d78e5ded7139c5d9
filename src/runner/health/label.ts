import type { HealthCheck } from '../../model/health-check.ts'

/** How messages name a check: `http http://127.0.0.1:3000/health`. Queries, which may hold secrets, are left out. */
export function checkLabel({ probe }: Pick<HealthCheck, 'probe'>): string {
  switch (probe.kind) {
    case 'http':
      return `http ${probe.url.replace(/[?#].*$/s, '').replace(/^(https?:\/\/)[^/]*@/i, '$1')}`
    case 'tcp':
      return `tcp ${probe.host.includes(':') ? `[${probe.host}]` : probe.host}:${probe.port ?? '{port}'}`
    case 'command':
      return `command ${shortened(probe.run.kind === 'argv' ? probe.run.argv.join(' ') : probe.run.text)}`
    case 'systemd_unit':
      return `systemd_unit ${probe.unit}`
  }
}

/** The first line that says something, at most 80 characters of it. */
function shortened(text: string): string {
  const line = text.split('\n').find((one) => one.trim() !== '') ?? ''
  return line.length > 80 ? `${line.slice(0, 79)}…` : line.trim()
}
