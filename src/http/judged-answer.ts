import type { FastifyReply } from 'fastify'
import type { Judged } from '../ingest/received.ts'
import { HttpError } from './http-error.ts'

/** The answer to a proven delivery, be it new or replayed (DESIGN §6). Throws the 400 of a malformed one. */
export function answerJudged(judged: Judged, reply: FastifyReply): object {
  if (judged.result === 'malformed') throw new HttpError('malformed', { message: judged.problem })
  const { result, delivery, deployments, ignored, reason, duplicateOf } = judged
  if (result !== 'accepted') {
    return { delivery, result, reason, ignored, ...(duplicateOf === null ? {} : { duplicateOf }) }
  }
  reply.code(202)
  return { delivery, result, deployments: deployments.map(({ id, app }) => ({ id, app })), ignored }
}
