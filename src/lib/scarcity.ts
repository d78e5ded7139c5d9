import { errorCode } from './error-code.ts'

/** What the system may be short of when it is asked for one more process or file: news about the machine, not a defect. */
const scarcities: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'])

export function isScarcity(error: unknown): boolean {
  return scarcities.has(errorCode(error) ?? '')
}
