import { fileURLToPath } from 'node:url'
import { systemClock } from '../lib/clock.ts'
import { readProgram } from '../runner/exec.ts'
import { gitVersion } from '../runner/git-version.ts'
import { createAsk } from './ask.ts'
import type { Patient } from './patient.ts'

const askMs = 10_000
const programMs = 5_000

/** Where a package that brings Node has it: packaging/program.ts. */
const brought = fileURLToPath(new URL('../../bin/node', import.meta.url))

/** The real machine, for whoever examines it. */
export function thisMachine(
  env: Readonly<Record<string, string | undefined>>,
): Pick<Patient, 'versions' | 'changelogs' | 'env' | 'now' | 'ask' | 'program'> {
  return {
    versions: {
      node: process.versions.node,
      isNodeOurs: process.execPath === brought,
      sqlite: process.versions.sqlite ?? 'unknown',
      git: () => gitVersion(env),
    },
    changelogs: ['/usr/share/doc/git/changelog.Debian.gz'],
    env,
    now: () => systemClock.now(),
    ask: createAsk({ env, timeoutMs: askMs }),
    async program(argv) {
      const { exitCode, output } = await readProgram(argv, { timeoutMs: programMs })
      return { exitCode, output: output.toString('utf8') }
    },
  }
}
