import type { Stats } from 'node:fs'
import { problemOfFile, type Finding } from './finding.ts'
import { readRegularFile } from './read-file.ts'

/** Ten thousand apps take about this. */
const maxBytes = 4 * 1_048_576

/** The bytes of deploy.yml if only those may have written it who may decide what runs here; else why not. */
export async function readDeployFile(
  file: string,
  { uid }: { readonly uid: number },
): Promise<{ readonly bytes: Buffer | null; readonly findings: readonly Finding[] }> {
  const read = await readRegularFile(file, { maxBytes })
  if (read.kind === 'unreadable') return { bytes: null, findings: [problemOfFile(read.problem)] }
  const findings = permissionFindings(read.stats, { file, uid })
  return { bytes: read.bytes, findings }
}

/** Whoever can write deploy.yml can run commands as the daemon: the same rule as sshd's for authorized_keys. */
export function permissionFindings(
  { mode, uid: owner }: Pick<Stats, 'mode' | 'uid'>,
  { file, uid }: { readonly file: string; readonly uid: number },
): readonly Finding[] {
  const findings: Finding[] = []
  if (owner !== uid && owner !== 0) {
    findings.push(
      problemOfFile(
        `belongs to user ${owner}, who could change what runs here: it must belong to root or to user ${uid} (chown)`,
      ),
    )
  }
  if ((mode & 0o002) !== 0) {
    findings.push(problemOfFile(`can be written by everybody, who could change what runs here: chmod o-w ${file}`))
  } else if ((mode & 0o020) !== 0) {
    findings.push({
      ...problemOfFile(`can be written by its group, whose members can change what runs here: chmod g-w ${file}`),
      severity: 'warning',
    })
  }
  return findings
}
