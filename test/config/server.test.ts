import { describe, expect, it } from 'vitest'
import { headsOf, mapOf, withServer } from './support.ts'
import { parseListen } from '../../src/config/index.ts'

describe('the server of deploy.yml', () => {
  it.each([
    ['listen: 9000', '"9000" is not HOST:PORT, such as 127.0.0.1:9000, or unix:/run/deployhook/http.sock'],
    ['listen: ":9000"', 'names no host: 127.0.0.1 for this machine alone, 0.0.0.0 for every network it is on'],
    ['listen: 127.0.0.1:70000', 'the port is at most 65535'],
    ['listen: 127.0.0.300:80', '"127.0.0.300" is not a host or an address'],
    ['listen: "::1:9000"', '"::1:9000" is not HOST:PORT'],
    ['listen: "[zz]:9000"', '[zz] is not an IPv6 address'],
    ['listen: unix:http.sock', 'unix: needs an absolute path'],
    [`listen: unix:/${'x'.repeat(107)}`, 'the path of a socket is at most 107 bytes long'],
    ['public_url: deploy.example.com', 'must be a URL such as https://deploy.example.com'],
    ['public_url: ftp://deploy.example.com', 'must be a URL such as https://deploy.example.com'],
    ['public_url: https://me:pw@deploy.example.com', 'must not hold a user name or password'],
    ['public_url: https://deploy.example.com/?x', 'must end with the host or a path, without ? and #'],
    ['hosts: [https://deploy.example.com]', 'is not a host name, such as deploy.example.com'],
    ['hosts: ["deploy.example.com:443"]', 'is given without a port'],
    ['hosts: ["*"]', '"*" is not a host name, such as deploy.example.com'],
    ['hosts: deploy.example.com', 'must be a list'],
    ['trust_proxy: true', 'must be a list'],
    ['trust_proxy: [true]', 'must be a string: quote it ("true")'],
    ['trust_proxy: [0.0.0.0/0]', 'trusts everybody, so that anyone may claim any address: name your proxy'],
    ['trust_proxy: ["::/0"]', 'trusts everybody'],
    ['trust_proxy: [10.0.0.0/33]', '"10.0.0.0/33": a network ends in /1 to /32'],
    ['trust_proxy: [10.0.0.0/8/8]', 'is not an address (10.0.0.5), a network (10.0.0.0/8) or loopback'],
    ['trust_proxy: [proxy.example.com]', 'is not an address (10.0.0.5), a network (10.0.0.0/8) or loopback'],
    ['max_running: 0', 'must be a whole number from 1 to 256'],
    ['max_attempts: 0', 'must be a whole number from 1 to 100'],
    ['max_running: -1', 'must be a whole number from 1 to 256'],
    ['max_running: 1.5', 'must be a whole number from 1 to 256'],
    ['max_running: 1e9', 'must be a whole number from 1 to 256'],
    ['max_running: "2"', 'must be a whole number from 1 to 256'],
    ['allow_root_steps: yes', 'must be true or false'],
    ['keep_deliveries: 7', '"7" is not a duration such as 7d or 12h (0s: not at all)'],
    ['keep_deliveries: "7"', '"7" is not a duration such as 7d or 12h (0s: not at all)'],
    ['keep_deliveries: never', '"never" is not a duration such as 7d or 12h (0s: not at all)'],
    ['keep_deliveries: 366d', 'must be at most 365d'],
    ['min_free: 1', '"1" is not a size: write a number with its unit, such as 500MiB or 2GiB'],
    ['min_free: 1GB', '"1GB" is not a size: write a number with its unit, such as 500MiB or 2GiB'],
    ['min_free: 5000TiB', 'must be at most 1024 TiB'],
    ['max_history: 10', 'must be a whole number from 100 to 10000000'],
    ['metrics: private', 'must be token or public'],
    ['api_tokens: [{ name: ci }]', 'has neither secret nor sha256: make one with `deployhook token`'],
    [
      `api_tokens: [{ name: ci, secret: { env: SECRET }, sha256: ${'ab'.repeat(32)} }]`,
      'secret and sha256 are both here: keep one',
    ],
    [
      'api_tokens: [{ name: ci, sha256: abc }]',
      'must be the 64 hex digits that `deployhook token` prints (SHA-256 of the token)',
    ],
    [`api_tokens: [{ name: ci, sha256: ${'xy'.repeat(32)} }]`, 'must be the 64 hex digits'],
    ['api_tokens: [{ name: ci, secret: { env: SECRET }, can: all }]', 'must be read or operate'],
    ['api_tokens: [{ secret: { env: SECRET } }]', 'server.api_tokens[0].name: is missing'],
    [
      'api_tokens: [{ name: ci, secret: { env: SECRET } }, { name: ci, secret: { env: OTHER } }]',
      'another token is called ci already',
    ],
    ['api_tokens: [{ name: ci, secret: plain }]', 'a secret is never written in this file'],
    ['listn: 127.0.0.1:9000', 'there is no key "listn" here: did you mean "listen"?'],
    ['steps: [make]', 'there is no key "steps" here: it belongs to an app'],
  ])('is refused for %s', async (line, told) => {
    const heads = await headsOf(withServer(line))
    expect(heads).toEqual([expect.stringContaining(told)])
    expect(heads[0]).toMatch(/^8:\d+ server\./)
  })

  it.each(['localhost:9000', '0.0.0.0:80', '[::]:80', '127.0.0.1:0', 'my-host_1.example.com:65535'])(
    'may listen on %s',
    async (listen) => {
      expect((await mapOf(withServer(`listen: "${listen}"`))).server.listen.kind).toBe('tcp')
    },
  )

  it.each([
    ['off', 0],
    ['"off"', 0],
    ['0s', 0],
    ['90d', 7_776_000_000],
  ])('keeps deliveries for %s', async (text, keepDeliveriesMs) => {
    expect((await mapOf(withServer(`keep_deliveries: ${text}`))).server).toMatchObject({ keepDeliveriesMs })
  })

  it('names the host of an IPv6 address without its brackets', () => {
    expect(parseListen('[::1]:9000')).toEqual({ kind: 'tcp', host: '::1', port: 9000 })
  })
})
