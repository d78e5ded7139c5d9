/** Marks a named stage. The real one does nothing unless the crash tests asked for this stage (see `failPointFrom`). */
export type FailPoint = (stage: string) => void

/**
 * The fail point that `DEPLOYHOOK_FAILPOINT=<stage>` asks for: kill -9 of this very process when the stage is reached.
 * Crash tests use it to die at each stage of a deployment; without the variable every stage is a no-op.
 */
export function failPointFrom(env: Readonly<Record<string, string | undefined>>): FailPoint {
  const wanted = env['DEPLOYHOOK_FAILPOINT']
  if (wanted === undefined || wanted === '') return () => undefined
  return (stage) => {
    if (stage === wanted) process.kill(process.pid, 'SIGKILL')
  }
}
