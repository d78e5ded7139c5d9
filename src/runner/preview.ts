import type { HealthCheck } from '../model/health-check.ts'
import type { Step } from '../model/deploy-map.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import { stepEnvironment } from './environment.ts'
import { awaitHealth, freePort, onPort } from './health/index.ts'
import { healthDeps, resultOf, type Judging } from './judge-health.ts'
import { failed } from './outcome.ts'
import { endedText, runCommandOf, type StepsRun } from './steps.ts'

/**
 * Starts the new release on a port of its own and waits until the checks that ask it have passed; then, or when it ends by
 * itself before, it is ended. null: all is well.
 */
export async function judgePreview(
  preview: Step,
  {
    checks,
    judging,
    all,
  }: { readonly checks: readonly HealthCheck[]; readonly judging: Judging; readonly all: StepsRun },
): Promise<DeploymentResult | null> {
  const { run, context, number } = judging
  const port = await freePort()
  await run.progress.note(`preview: started on port ${port}`)
  const [whileRunning, whileAsking] = [new AbortController(), new AbortController()]
  const signal = AbortSignal.any([run.signal, whileRunning.signal])
  const env = { ...stepEnvironment(preview, context), PORT: String(port) }
  const words = { place: 'the preview', label: 'the preview', suffix: '.preview' }
  const numbered = { ...words, step: preview, number, index: 0, isOver: false, isAttached: false }
  const deps = await healthDeps(judging, { signal: AbortSignal.any([run.signal, whileAsking.signal]) })
  const running = runCommandOf(numbered, { env, all: { ...all, of: { ...run, signal } }, low: signal }).finally(() => {
    whileAsking.abort()
  })
  running.catch(() => undefined) // it is awaited below, when the asking has ended
  const health = await awaitHealth(
    checks.map((check) => onPort(check, port)),
    deps,
  )
  whileRunning.abort()
  const ending = await running
  if (health.kind === 'stopped' && !run.signal.aborted)
    return failed('preview_failed', `the preview ended before its health was proven: ${endedText(ending)}`)
  return resultOf(health, run)
}
