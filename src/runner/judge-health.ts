import { realpath } from 'node:fs/promises'
import { pause } from '../lib/pause.ts'
import { systemMonotonic } from '../lib/clock.ts'
import type { HealthCheck } from '../model/health-check.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import type { RunCommand } from './command.ts'
import { stepEnvironment, type StepContext } from './environment.ts'
import { awaitHealth, bake, createAsk, type Health, type HealthDeps, type Systemd } from './health/index.ts'
import { failed, stoppedResult } from './outcome.ts'
import type { Run } from './run.ts'
import { cookieName } from './processes.ts'
import type { StepTools } from './steps.ts'
import { unitOf } from './unit.ts'

export type Judging = {
  readonly context: StepContext
  readonly run: Run
  readonly tools: Pick<StepTools, 'run' | 'scripts' | 'units' | 'graceMs'> & { readonly systemd: Systemd }
  /** Of the step that the outputs of its commands belong to. */
  readonly number: number
}

/** Waits until every check has passed, and goes on looking for as long as the app wants; null: all is well. */
export async function judgeHealth(checks: readonly HealthCheck[], judging: Judging): Promise<DeploymentResult | null> {
  const { run } = judging
  const deps = await healthDeps(judging, run)
  const first = await awaitHealth(checks, deps)
  if (first.kind !== 'well' || run.backFrom !== null) return resultOf(first, run)
  return resultOf(await bake(checks, run.app.bakeMs, deps), run)
}

/** `signal` ends the looking, besides the run's own. */
export async function healthDeps(
  { context, run, tools, number }: Judging,
  { signal }: { readonly signal: AbortSignal },
): Promise<HealthDeps> {
  const ask = createAsk({
    run: inUnits(context, tools),
    cookie: run.cookie,
    cwd: await realpath(context.directory),
    env: stepEnvironment({ env: new Map() }, context),
    user: context.runAs,
    scripts: tools.scripts,
    onOutput: (chunk) => run.progress.output(number, chunk),
    systemd: tools.systemd,
  })
  return { ask, signal, pause, monotonic: systemMonotonic, note: (text) => run.progress.note(text) }
}

/** What a check runs has a unit of its own, called like the last part of its cookie: several may run at once. */
function inUnits(context: StepContext, { run, units, graceMs }: Judging['tools']): RunCommand {
  const { app, deployment, home } = context
  if (units === null) return run
  return (command, options) => {
    const suffix = `.${command.env[cookieName]?.split('.').at(-1) ?? 'health'}`
    const endsAfterMs = (options.timeoutMs ?? app.timeoutMs) + graceMs + 10_000
    const writable = [app.path, home]
    const unit = unitOf({ app, deployment, suffix, what: 'a health check', writable, endsAfterMs, isHeld: false })
    return run({ ...command, unit }, options)
  }
}

export function resultOf(health: Health, { app }: Run): DeploymentResult | null {
  switch (health.kind) {
    case 'well':
      return null
    case 'stopped':
      return stoppedResult(health.why, { where: 'its health checks', app })
    case 'sick':
      return failed('unhealthy', `${health.check} ${health.why}${health.tries > 1 ? ` (${health.tries} tries)` : ''}`)
  }
}
