import { formatDuration } from '../../lib/duration.ts'
import { unreachable } from '../../lib/unreachable.ts'
import type { CommandResult } from '../command.ts'
import { cookieName } from '../processes.ts'
import { prepareStep } from '../step-script.ts'
import { sick, well, type Answer, type AskProbe } from './probe.ts'

/** Runs the command as the app's steps are run; it must end with 0 in time, and leaves no process behind. */
export const askCommand: AskProbe<'command'> = async ({ run }, { timeoutMs, signal, name, tools }) => {
  const cookie = `${tools.cookie}.${name}`
  const { argv, remove } = await prepareStep(run, {
    directory: tools.scripts,
    name: `${cookie}.sh`,
    user: tools.user,
  })
  try {
    const env = { ...tools.env, [cookieName]: cookie }
    const command = { argv, cwd: tools.cwd, env, ...(tools.user === null ? {} : { user: tools.user }) }
    const { onOutput } = tools
    return answerOf(await tools.run(command, { signal, timeoutMs, graceMs, onOutput }), timeoutMs)
  } finally {
    await remove()
  }
}

/** A question has nothing to tidy: a try soon ends when its time is up. */
const graceMs = 1_000

function answerOf(result: CommandResult, timeoutMs: number): Answer {
  switch (result.kind) {
    case 'exited':
      return result.exitCode === 0 ? well : sick(`ended with exit code ${result.exitCode}`)
    case 'signalled':
      return sick(`was ended by ${result.signal}`)
    case 'not_started':
      return sick(`could not be started: ${result.message}`)
    case 'stopped':
      return sick(result.why === 'limit' ? `took longer than ${formatDuration(timeoutMs)}` : 'was stopped')
    default:
      return unreachable(result)
  }
}
