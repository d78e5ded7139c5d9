import { execFile } from 'node:child_process'
import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { together } from '../../src/lib/log.ts'

it('writes the lines of one turn at once, in their order, and none later than that', async () => {
  const written: string[] = []
  const lines = together({ write: (text) => void written.push(text) })

  const say = async (line: string) => {
    await Promise.resolve()
    lines.write(line)
  }
  await Promise.all([say('a\n'), say('b\n'), say('c\n')])
  await setImmediate()
  expect(written).toEqual(['a\nb\nc\n'])
  lines.write('d\n')
  await setImmediate()
  expect(written).toEqual(['a\nb\nc\n', 'd\n'])
})

it.each([
  ['is killed after a warning', `log.info({}, 'a'); log.warn({}, 'b'); process.kill(process.pid, 'SIGKILL')`],
  ['is killed after an error', `log.info({}, 'a'); log.error({}, 'b'); process.kill(process.pid, 'SIGKILL')`],
  ['exits in the same turn', `log.info({}, 'a'); log.info({}, 'b'); process.exit(0)`],
  ['fails in the same turn', `log.info({}, 'a'); log.info({}, 'b'); throw new Error('out of order')`],
])('has written all that was said when the process %s', async (_how, ending) => {
  const { href } = new URL('../../src/lib/log.ts', import.meta.url)
  const program = `const { createLog } = await import('${href}'); const log = await createLog({}); ${ending}`

  expect(await messagesOf(program)).toEqual(['a', 'b'])
})

function messagesOf(program: string): Promise<readonly unknown[]> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', program], (_error, stdout) => {
      const lines = stdout.split('\n').filter((line) => line !== '')
      resolve(lines.map((line) => (JSON.parse(line) as { msg: unknown }).msg))
    })
  })
}
