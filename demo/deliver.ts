/**
 * The post-receive hook of the demo's bare repository (`npm run demo -- --keep`): tells the daemon what was pushed, as
 * a git host would. Arguments: the daemon's address and the file with the secret; the refs come on standard input.
 */
import { readFileSync } from 'node:fs'
import { githubPush } from './github.ts'
import { repository } from './stage.ts'

const [address = '', secretFile = ''] = process.argv.slice(2)
const secret = readFileSync(secretFile, 'utf8').trim()

for (const line of readFileSync(0, 'utf8').trim().split('\n')) {
  const [before = '', after = '', ref = ''] = line.split(' ')
  const { headers, body } = githubPush({ repository, ref, before, after }, secret)
  const answer = await fetch(`${address}/hooks/github`, {
    method: 'POST',
    headers: { ...headers },
    body: new Uint8Array(body),
  })
  console.log(`deployhook answers ${answer.status} ${await answer.text()}`)
}
