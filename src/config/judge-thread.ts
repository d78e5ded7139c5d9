import { parentPort, workerData } from 'node:worker_threads'
import type { Task, Told } from './judge-apart.ts'
import { judgeDeployFile } from './judge.ts'

// The other side of judge-apart.ts.
const { file, options } = workerData as Task
const verdict = await judgeDeployFile(file, options)
const told: Told =
  verdict.kind === 'refused'
    ? verdict
    : { ...verdict, secrets: new Map(Array.from(verdict.secrets, ([source, secret]) => [source, secret.reveal()])) }
parentPort?.postMessage(told)
