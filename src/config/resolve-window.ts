import { parseCron, type CronWindow } from '../lib/cron.ts'
import type { WrittenApp } from './app-schema.ts'

/** One entry of `windows`, written either way. Throws for what the schema refuses. */
export function resolveWindow(written: NonNullable<WrittenApp['windows']>[number]): CronWindow {
  const { cron, time_zone = 'UTC' } = typeof written === 'string' ? { cron: written } : written
  const window = parseCron(cron, time_zone)
  if ('problem' in window) throw new Error(`windows ${window.problem}`)
  return window
}
