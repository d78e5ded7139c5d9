import { expect, it } from 'vitest'
import { json, refuse, run, startDaemon, type Answer } from './world.ts'

async function report(answer: Answer, ...more: readonly string[]) {
  const daemon = await startDaemon({ 'POST /api/reporters/ops/test': answer })
  return run(['report', 'ops', '--socket', daemon.socket, ...more])
}

it('report says that the made-up report was told', async () => {
  expect(await report(json({ result: 'told', problem: null }))).toMatchObject({ code: 0, out: 'told\n' })
})

it('report says who was not told, why, and what to do, and fails', async () => {
  const answer = { result: 'failed', problem: 'hooks.example.com answered 500' }
  expect(await report(json(answer))).toMatchObject({
    code: 1,
    out: '',
    err: 'ops was not told: hooks.example.com answered 500. Mend that, or ops of reporters in deploy.yml, then: deployhook report ops\n',
  })
  const { code, out } = await report(json(answer), '--json')
  expect([code, JSON.parse(out)]).toEqual([1, answer])
})

it('report of a reporter that is not there says so', async () => {
  const missing = refuse(404, { code: 'reporter_not_found', message: 'deploy.yml has no reporter of this name.' })
  expect(await report(missing)).toMatchObject({
    code: 1,
    err: 'deployhook: deploy.yml has no reporter of this name.\n',
  })
})
