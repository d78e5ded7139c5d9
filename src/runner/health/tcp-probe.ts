import { once } from 'node:events'
import { connect } from 'node:net'
import { formatDuration } from '../../lib/duration.ts'
import { networkProblem } from '../../lib/network-problem.ts'
import { sick, well, type AskProbe } from './probe.ts'
import { timeLimit } from './time-limit.ts'

/** Connects, says nothing, and closes. */
export const askTcp: AskProbe<'tcp'> = async ({ host, port }, { timeoutMs, signal }) => {
  if (port === null) return sick('has {port} for a port, which only a preview has')
  const limit = timeLimit(timeoutMs, signal)
  const socket = connect({ host, port, signal: limit.signal })
  try {
    await once(socket, 'connect')
    return well
  } catch (error) {
    return sick(limit.isUp() ? `took no connection within ${formatDuration(timeoutMs)}` : networkProblem(error))
  } finally {
    socket.on('error', () => undefined).destroy()
  }
}
