import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** Hosts outside that say back all they are told: what a careless or curious one may do. */
export type Hosts = {
  /** https: repositories as plain files below `/files`, for who shows a login; `/echo` refuses, `/away` redirects. */
  readonly git: string
  readonly certificate: string
  readonly proxy: string
  /** http: fails every request with all that it was sent. */
  readonly echo: string
  [Symbol.asyncDispose](): Promise<void>
}

export async function openHosts(folder: string): Promise<Hosts> {
  const [key, certificate] = [join(folder, 'host.key'), join(folder, 'host.pem')]
  const made = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1`
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate]
  execFileSync('openssl', [...made.split(' '), ...names], { stdio: 'ignore' })

  const options = { key: await readFile(key), cert: await readFile(certificate) }
  const git = createServer(options, (asked, response) => void answerGit(asked, response, join(folder, 'git')))
  const echo = createPlainServer((asked, response) => response.writeHead(500).end(everything(asked)))
  const proxy = createPlainServer()
  proxy.on('connect', (asked: IncomingMessage, socket) => {
    socket.on('error', () => undefined)
    const realm = everything(asked).replace(/["\\\r\n]/g, ' ')
    socket.end(
      `HTTP/1.1 407 ${realm}\r\nProxy-Authenticate: Basic realm="${realm}"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    )
  })
  const servers = [git, echo, proxy]
  const [gitPort, echoPort, proxyPort] = await Promise.all(servers.map(portOf))
  return {
    git: `https://127.0.0.1:${gitPort}`,
    certificate,
    proxy: `127.0.0.1:${proxyPort}`,
    echo: `http://127.0.0.1:${echoPort}`,
    [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
      return Promise.resolve()
    },
  }
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function answerGit(asked: IncomingMessage, response: ServerResponse, root: string): Promise<void> {
  const said = everything(asked).replace(/[\r\n]+/g, ' ')
  if (asked.headers.authorization === undefined) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
    return
  }
  const { pathname } = new URL(asked.url ?? '/', 'https://x')
  if (pathname.startsWith('/echo/')) {
    // git shows the text of a refusal: https://github.com/git/git/blob/v2.39.5/remote-curl.c, show_http_message
    response
      .writeHead(403, {
        'content-type': 'text/plain',
        'www-authenticate': `Basic realm="${said.replaceAll('"', ' ')}"`,
      })
      .end(`you sent ${said}`)
    return
  }
  if (pathname.startsWith('/away/')) {
    response.writeHead(302, { location: `/elsewhere/${encodeURIComponent(said)}` }).end()
    return
  }
  if (pathname.startsWith('/elsewhere/')) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end(`not here: ${said}`)
    return
  }
  // Slow enough to be looked at.
  await wait(40)
  const file = await readFile(join(root, pathname.replace('/files/', ''))).catch(() => null)
  response.writeHead(file === null ? 404 : 200, { 'content-type': 'text/plain' }).end(file ?? 'no such file')
}

/** The request as it came, and its logins decoded. */
function everything({ url = '', headers }: IncomingMessage): string {
  const logins = [headers.authorization, headers['proxy-authorization']].map((login) =>
    Buffer.from(login?.split(' ')[1] ?? '', 'base64').toString(),
  )
  return [...logins, url, ...Object.entries(headers).map(([name, text]) => `${name}: ${String(text)}`)].join('\n')
}
