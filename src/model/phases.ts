import type { App, Step } from './deploy-map.ts'
import type { Phase } from './deployment.ts'

/** The commands of an app by what they are for, in the order in which they run. */
export function phasesOf({ steps, beforeSwitch, preview, activate, after }: App): ReadonlyMap<Phase, readonly Step[]> {
  return new Map<Phase, readonly Step[]>([
    ['build', steps],
    ['before_switch', beforeSwitch],
    ['preview', preview === null ? [] : [preview]],
    ['activate', activate],
    ['after', after],
  ])
}
