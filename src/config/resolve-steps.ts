import { normalize } from 'node:path'
import { parseDuration } from '../lib/duration.ts'
import type { Env, Step, StepCommand } from '../model/deploy-map.ts'
import type { Secret } from '../lib/secret.ts'
import type { SecretSource } from './schema-parts.ts'
import type { WrittenEnv, WrittenStep } from './step-schema.ts'

/** The secret that a source names. */
export type Reveal = (source: SecretSource) => Secret

/** A step in its one form, whichever of the three it was written in. */
export function resolveStep(step: WrittenStep, secretOf: Reveal): Step {
  if (typeof step === 'string' || Array.isArray(step)) {
    const run = commandOf(step, 'sh')
    return { name: nameOf(run), run, timeoutMs: null, env: new Map(), cwd: '.', background: 'kill' }
  }
  const run = commandOf(step.run, step.shell ?? 'sh')
  return {
    name: step.name ?? nameOf(run),
    run,
    timeoutMs: step.timeout === undefined ? null : parseDuration(step.timeout),
    env: resolveEnv(step.env, secretOf),
    cwd: normalize(step.cwd ?? '.').replace(/(?<=.)\/$/, ''),
    background: step.background ?? 'kill',
  }
}

export function resolveEnv(env: WrittenEnv | undefined, secretOf: Reveal): Env {
  return new Map(
    Object.entries(env ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : secretOf(value)]),
  )
}

export function commandOf(run: string | string[], shell: 'sh' | 'bash'): StepCommand {
  if (typeof run === 'string') return { kind: 'script', shell, text: run }
  const [program = '', ...rest] = run
  return { kind: 'argv', argv: [program, ...rest] }
}

/** The first line that says something, or the arguments side by side. */
function nameOf(run: StepCommand): string {
  const text = run.kind === 'argv' ? run.argv.join(' ') : run.text
  const line = text.split(/\r?\n/).find((candidate) => candidate.trim() !== '') ?? ''
  return line.trim().slice(0, 200)
}
