import { expect, it } from 'vitest'
import type { HealthCheck, Probe } from '../../../src/model/health-check.ts'
import { checkLabel } from '../../../src/runner/health/index.ts'
import { check, httpCheck } from './asking.ts'

const of = (probe: Probe): HealthCheck => check(probe)
const script = (text: string) => of({ kind: 'command', run: { kind: 'script', shell: 'sh', text } })

it.each([
  [httpCheck('http://127.0.0.1:3000/health'), 'http http://127.0.0.1:3000/health'],
  [httpCheck('https://me:s3cr3t@127.0.0.1:{port}/a@b?token=s3cr3t#x'), 'http https://127.0.0.1:{port}/a@b'],
  [of({ kind: 'tcp', host: '127.0.0.1', port: 5432 }), 'tcp 127.0.0.1:5432'],
  [of({ kind: 'tcp', host: '::1', port: null }), 'tcp [::1]:{port}'],
  [of({ kind: 'systemd_unit', unit: 'api.service' }), 'systemd_unit api.service'],
  [of({ kind: 'command', run: { kind: 'argv', argv: ['npm', 'run', 'check'] } }), 'command npm run check'],
  [script('\n  ./check.sh\necho done'), 'command ./check.sh'],
  [script('x'.repeat(99)), `command ${'x'.repeat(79)}…`],
])('calls a check by what it asks (case %#)', (one, label) => {
  expect(checkLabel(one)).toBe(label)
})
