import { execa } from 'execa'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export type HttpsHost = {
  readonly origin: string
  /** Of the authority that signed its certificate. */
  readonly certificate: string
  /** The Basic logins that it was shown, decoded. */
  readonly logins: string[]
}

/**
 * Serves the repositories below `root` over https as git hosts do. `answer` may refuse a request with a status (and
 * headers); `seen` is called for each one while the client waits.
 */
export async function createHttpsHost(options: {
  readonly dir: string
  readonly root: string
  readonly answer?: (login: string | null) => { readonly status: number; readonly location?: string } | null
  readonly seen?: () => void
}): Promise<HttpsHost> {
  const { dir, root, answer = () => null, seen = () => undefined } = options
  const [key, certificate] = [join(dir, 'host.key'), join(dir, 'host.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  await execa('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    certificate,
    ...subject,
  ])
  const logins: string[] = []
  const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (request, response) => {
    seen()
    const shown = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const login = shown === undefined ? null : Buffer.from(shown, 'base64').toString('utf8')
    if (login !== null) logins.push(login)
    const refusal = answer(login)
    if (refusal === null) serve(root, request, response)
    else
      response
        .writeHead(refusal.status, {
          'www-authenticate': 'Basic realm="git"',
          ...(refusal.location === undefined ? {} : { location: `${refusal.location}${request.url ?? ''}` }),
        })
        .end('no')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return {
    origin: `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    certificate,
    logins,
  }
}

/** https://git-scm.com/docs/git-http-backend, a CGI program. */
function serve(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'https://x')
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      HTTP_GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  backend.stdin.on('error', () => undefined)
  request.pipe(backend.stdin)
  const chunks: Buffer[] = []
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  backend.on('close', () => {
    const answer = Buffer.concat(chunks)
    const end = answer.indexOf('\r\n\r\n')
    const headers = answer
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
      .map((line) => line.split(': ', 2) as [string, string])
    const status = Number(headers.find(([name]) => name === 'Status')?.[1].slice(0, 3) ?? 200)
    response
      .writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== 'Status')))
      .end(answer.subarray(end + 4))
  })
}
