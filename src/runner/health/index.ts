import type { Probe } from '../../model/health-check.ts'
import { askCommand } from './command-probe.ts'
import { askHttp } from './http-probe.ts'
import type { Answer, Ask, AskProbe, Asking, ProbeOf, ProbeTools } from './probe.ts'
import { askSystemdUnit } from './systemd-unit-probe.ts'
import { askTcp } from './tcp-probe.ts'

export { awaitHealth } from './await-health.ts'
export { bake } from './bake.ts'
export type { Health, HealthDeps } from './health.ts'
export { checkLabel } from './label.ts'
export { freePort, onPort } from './port.ts'
export type { Ask, ProbeTools, Systemd } from './probe.ts'
export { systemdOf } from './systemd-unit-probe.ts'

/** A new kind of probe is a file of its own and a line here. */
const probes: { readonly [K in Probe['kind']]: AskProbe<K> } = {
  http: askHttp,
  tcp: askTcp,
  command: askCommand,
  systemd_unit: askSystemdUnit,
}

/** How a check is tried once, by whatever its probe needs. */
export function createAsk(tools: ProbeTools): Ask {
  return ({ probe, timeoutMs }, { name, signal }) => askProbe(probe, { timeoutMs, signal, name, tools })
}

function askProbe<K extends Probe['kind']>(probe: ProbeOf<K>, asking: Asking): Promise<Answer> {
  return probes[probe.kind](probe, asking)
}
