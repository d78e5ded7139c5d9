import { describe, expect, it } from 'vitest'
import { parseRepository } from '../../../src/model/repository.ts'
import { failureOf, type Where } from '../../../src/runner/git-failure.ts'

const repo = parseRepository('https://git.example/acme/blog.git')
if ('problem' in repo) throw new Error(repo.problem)
const remote: Where = {
  repo,
  mirror: '/state/mirrors/blog.git',
  path: '/srv/blog',
  stateProblem: () => null,
  knownHosts: null,
  secrets: ['hunter2-token'],
}
const local: Where = { ...remote, repo: null }

describe('the failure of a git command', () => {
  it.each([
    {
      output: 'fatal: unable to access: Could not resolve host: git.example',
      reason: 'network',
      says: 'cannot be reached',
    },
    {
      output: 'error: RPC failed; curl 56 GnuTLS recv error (-110)\nfatal: early EOF\nfatal: index-pack failed',
      reason: 'network',
      says: 'went away in between',
    },
    {
      output:
        'error: RPC failed; curl 28 Operation too slow. Less than 1024 bytes/sec transferred the last 300 seconds',
      reason: 'too_slow',
      says: 'too slowly',
    },
    {
      output: "fatal: unable to access 'x': The requested URL returned error: 429",
      reason: 'network',
      says: 'deploy again',
    },
    {
      output: "fatal: unable to access 'x': OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to git.example:443",
      reason: 'network',
      says: 'cannot be reached',
    },
    {
      output: "fatal: unable to access 'x': The requested URL returned error: 403",
      reason: 'auth',
      says: 'may not read this repository',
    },
    {
      output: "remote: Repository not found.\nfatal: repository 'x' not found",
      reason: 'not_found',
      says: 'Compare repo in deploy.yml',
    },
    {
      output:
        'fatal: the remote end hung up unexpectedly\nerror: inflate: data stream error (invalid code lengths set)',
      reason: 'store_broken',
      says: 'Delete /state/mirrors/blog.git',
    },
    {
      output: 'error: RPC failed; curl 56 Recv failure: Connection reset by peer',
      reason: 'network',
      says: 'cannot be reached',
    },
    {
      output: 'fatal: unable to access: The requested URL returned error: 503',
      reason: 'network',
      says: 'cannot be reached',
    },
    {
      output: "fatal: unable to access 'x': SSL certificate problem: unable to get local issuer certificate",
      reason: 'tls',
      says: 'update-ca-certificates',
    },
    {
      output: "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'x'",
      reason: 'auth',
      says: 'git.token',
    },
    {
      output: 'fatal: write error: No space left on device\nfatal: index-pack failed',
      reason: 'disk_full',
      says: 'make room',
    },
    { output: 'fatal: mismatched algorithms: client sha1; server sha256', reason: 'git_failed', says: 'SHA-256' },
    {
      output: 'fatal: something that nobody has seen yet',
      reason: 'git_failed',
      says: 'something that nobody has seen yet',
    },
    { output: '', reason: 'git_failed', says: 'https://git.example/acme/blog.git failed' },
  ])('from a remote is $reason: $output', ({ output, reason, says }) => {
    const failure = failureOf('git fetch', output, remote)
    expect(failure.reason).toBe(reason)
    expect(failure.message).toContain(says)
    expect(failure.message).toContain(repo.url)
  })

  it.each([
    {
      output: 'error: unable to create file a.txt: Permission denied',
      reason: 'path_unusable',
      says: 'install -d -o USER /srv/blog',
    },
    {
      output: "fatal: Unable to create '/state/trees/blog.git/index.lock': File exists.\n\nAnother git process",
      reason: 'locked',
      says: 'Another git',
    },
    {
      output: 'error: inflate: data stream error\nfatal: loose object 1234 (stored in x) is corrupt',
      reason: 'store_broken',
      says: 'Delete /state/mirrors/blog.git',
    },
    {
      output: 'fatal: unable to read tree 0123456789012345678901234567890123456789',
      reason: 'store_broken',
      says: 'Delete /state/mirrors/blog.git',
    },
    {
      output: 'error: unable to create file docs/aaaaaaaa: File name too long',
      reason: 'path_unusable',
      says: 'Rename it in the repository',
    },
    {
      output: 'Error: spawn git EAGAIN\n    at ChildProcess._handle.onexit (node:internal/child_process:287:19)',
      reason: 'resources_short',
      says: 'TasksMax',
    },
    { output: 'fatal: sha1 file write error: No space left on device', reason: 'disk_full', says: 'make room' },
    { output: 'Input/output error (EIO: i/o error, fsync)', reason: 'disk_failed', says: 'dmesg' },
  ])('in a tree is $reason: $output', ({ output, reason, says }) => {
    const failure = failureOf('The checkout', output, local)
    expect(failure.reason).toBe(reason)
    expect(failure.message).toContain(says)
  })

  it('names the lock that is in the way, whatever git advises', () => {
    const advice = `Another git process seems to be running in this repository, e.g.
an editor opened by 'git commit'. Please make sure all processes
are terminated then try again. If it still fails, a git process
may have crashed in this repository earlier:
remove the file manually to continue.`
    const output = `fatal: Unable to create '/state/trees/blog.git/index.lock': File exists.\n\n${advice}\n`
    expect(failureOf('The checkout', output, local).message).toBe(
      "The checkout failed: fatal: Unable to create '/state/trees/blog.git/index.lock': File exists. Another git is at work there; deploy again when it has ended.",
    )
  })

  it('never shows a secret that the host sends back, in any form it was sent in', () => {
    const basic = Buffer.from('hunter2-token').toString('base64')
    const { message } = failureOf(
      'git fetch',
      `remote: bad token hunter2-token (${basic})\nfatal: Authentication failed for 'x'`,
      remote,
    )
    expect(message).toContain('[secret]')
    expect(message).not.toContain('hunter2')
    expect(message).not.toContain(basic)
  })

  it.each(['ci', 'x-access-token', 'deploy'])('hides the header that carried the login of %s', (username) => {
    const basic = Buffer.from(`${username}:hunter2-token`).toString('base64')
    const { message } = failureOf('git fetch', `remote: authorization: Basic ${basic}`, remote)
    expect(message).toContain('[secret]')
    expect(Buffer.from(message.split('Basic ')[1] ?? '', 'base64').toString()).not.toContain('hunter2')
  })

  it('is one line for people, without progress, control characters or a flood', () => {
    const output = `Receiving objects:  10% (1/10)\rReceiving objects: 100% (10/10), done.\r\nremote: \x1b[31mred\x1b[0m\n${'x'.repeat(5000)}\nfatal: the end\n`
    const { message } = failureOf('git fetch', output, remote)
    expect(message).not.toMatch(/[\x00-\x1f]/)
    expect(message).not.toContain('10%')
    expect(message).toContain('fatal: the end')
    expect(message.length).toBeLessThan(700)
  })
})
