import { systemPath } from './environment.ts'
import { readProgram } from './exec.ts'

/** The version of the git in PATH as it tells it: `2.39.5`; null: there is none, or it does not answer. */
export async function gitVersion(env: Readonly<Record<string, string | undefined>>): Promise<string | null> {
  const path = env['PATH'] ?? systemPath
  const { exitCode, output } = await readProgram(['git', '--version'], { timeoutMs: 5_000, path })
  if (exitCode !== 0) return null
  return /^git version (\S+)/.exec(output.toString('utf8'))?.[1] ?? null
}
