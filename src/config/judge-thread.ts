import { answerTask, threadTask } from '../lib/thread.ts'
import type { Task, Told } from './judge-apart.ts'
import { judgeDeployFile } from './judge.ts'

// The other side of judge-apart.ts.
const { file, options } = threadTask() as Task
const verdict = await judgeDeployFile(file, options)
const told: Told =
  verdict.kind === 'refused'
    ? verdict
    : { ...verdict, secrets: new Map(Array.from(verdict.secrets, ([source, secret]) => [source, secret.reveal()])) }
answerTask(told)
