// Runs inside the machine: sends signed pushes of GitHub's form, each over a connection of its own.
//   push.ts once REVISION [URL]        one push; prints the answer
//   push.ts load REVISION FILE         one after another from four senders until FILE is there; prints what came of them
import { createHmac, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { setTimeout } from 'node:timers/promises'

const [mode, revision = '', given = ''] = process.argv.slice(2)
const secret = readFileSync('/etc/deployhook/secrets/github', 'utf8').trim()
const url = mode === 'once' && given !== '' ? given : 'http://127.0.0.1:9000/hooks/github'

/** The status, or the code of the error that took its place. */
type Answer = { readonly status: number | string; readonly body: string }

function push(): Promise<Answer> {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    before: '0'.repeat(40),
    after: revision,
    repository: { clone_url: 'https://github.com/acme/blog.git', full_name: 'acme/blog' },
    // Makes each a delivery of its own.
    commits: [{ id: revision, message: randomUUID(), added: [], removed: [], modified: [] }],
    pusher: { name: 'alice' },
  })
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': randomUUID(),
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  }
  return new Promise((resolve) => {
    const sent = request(url, { method: 'POST', headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: text })
      })
      response.on('error', fail)
    })
    sent.on('error', fail)
    sent.end(body)
    function fail(error: NodeJS.ErrnoException): void {
      resolve({ status: error.code ?? error.message, body: '' })
    }
  })
}

async function load(counts: Record<string, number>): Promise<void> {
  while (!existsSync(given)) {
    const { status } = await push()
    counts[status] = (counts[status] ?? 0) + 1
    await setTimeout(10)
  }
}

if (mode === 'once') {
  const { status, body } = await push()
  process.stdout.write(`${JSON.stringify({ status, body: body === '' ? null : (JSON.parse(body) as unknown) })}\n`)
} else {
  const counts: Record<string, number> = {}
  await Promise.all(Array.from({ length: 4 }, () => load(counts)))
  process.stdout.write(`${JSON.stringify(counts)}\n`)
}
