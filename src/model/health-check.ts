import type { Env, StepCommand } from './deploy-map.ts'

/** One question whose answer says whether what was deployed is well. */
export type HealthCheck = {
  readonly probe: Probe
  /** For one try. */
  readonly timeoutMs: number
  /** From the end of one try to the next, and between the looks of the bake time. */
  readonly intervalMs: number
  /** How often it may fail before it counts, until it has passed once. */
  readonly retries: number
  /** Asked of the preview before the switch, instead of what runs after it. */
  readonly preview: boolean
}

export type Probe =
  | {
      readonly kind: 'http'
      /** Of a preview it holds `{port}`. */
      readonly url: string
      /** Inclusive. */
      readonly status: { readonly from: number; readonly to: number }
      /** A text that the first 64 KiB of the body must hold; null: any body. */
      readonly contains: string | null
      readonly headers: Env
      readonly followRedirects: boolean
    }
  | { readonly kind: 'tcp'; readonly host: string; /** null: the preview's. */ readonly port: number | null }
  | { readonly kind: 'command'; readonly run: StepCommand }
  | { readonly kind: 'systemd_unit'; readonly unit: string }
