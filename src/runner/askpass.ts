import { randomUUID } from 'node:crypto'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Access } from './access.ts'
import { replaceFile } from './replace-file.ts'
import type { GitFailure } from './workspace.ts'

/** Once, before the first access: makes the helper anew, and removes logins that a killed daemon left. */
export async function prepareAskpass(stateDirectory: string): Promise<void> {
  await rm(askpassDirectory(stateDirectory), { recursive: true, force: true })
  await mkdir(askpassDirectory(stateDirectory), { recursive: true, mode: 0o700 })
  await replaceFile(askpassHelper(stateDirectory), helperText, { mode: 0o700 })
}

/** Writes the login for one command; `origin` is host and port as git writes them in its questions. */
export async function openToken(login: {
  readonly stateDirectory: string
  readonly origin: string
  readonly username: string
  readonly password: string
}): Promise<Access | GitFailure> {
  const { stateDirectory, origin, username, password } = login
  if (/[\r\n\0]/.test(password + username))
    return {
      kind: 'failed',
      reason: 'auth',
      message:
        'git.token or git.username holds a line break, which no git host takes. Give the token alone, on one line.',
    }
  const answers = join(askpassDirectory(stateDirectory), `${randomUUID()}.login`)
  const handle = await open(answers, 'wx', 0o600)
  try {
    await handle.writeFile(`${origin}\n${username}\n${password}\n`)
  } finally {
    await handle.close()
  }
  const env = { GIT_ASKPASS: askpassHelper(stateDirectory), SSH_ASKPASS: '/bin/false', DEPLOYHOOK_LOGIN: answers }
  return { kind: 'access', env, close: () => rm(answers, { force: true }) }
}

/** No helper: git gives up instead of asking. */
export const neverAsk = { GIT_ASKPASS: '/bin/false', SSH_ASKPASS: '/bin/false' }

function askpassDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'askpass')
}

function askpassHelper(stateDirectory: string): string {
  return join(askpassDirectory(stateDirectory), 'askpass')
}

/**
 * git runs it with its question as the only argument. It answers for the one host it was opened for, so that a redirect
 * to another gets nothing. Shell built-ins only: no other process sees the answer.
 */
const helperText = `#!/bin/sh
{ IFS= read -r origin && IFS= read -r username && IFS= read -r password; } <"$DEPLOYHOOK_LOGIN" || exit 1
case $1 in
"Username for 'https://$origin': ") printf '%s\\n' "$username" ;;
"Password for 'https://"*"@$origin': ") printf '%s\\n' "$password" ;;
*) exit 1 ;;
esac
`
