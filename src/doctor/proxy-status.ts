/** What a status means that comes from something else than deployhook, and what to do about it. */
export function proxyStatus(status: number): string {
  if (status >= 300 && status < 400) return 'it redirects, which no git host follows: use the address it leads to'
  return meanings.get(status) ?? 'another program answers at this address, or a proxy that does not pass /hooks/ on'
}

const meanings = new Map([
  [401, 'the proxy wants a password: let /hooks/ through without one, the signature is what proves a push'],
  [403, 'a proxy or firewall forbids it: let POST /hooks/ through'],
  [404, 'the proxy does not pass /hooks/ on to deployhook'],
  [405, 'what answers takes no POST: the proxy does not pass /hooks/ on to deployhook'],
  [413, 'the proxy limits the body: allow 26 MB (nginx: client_max_body_size 26m)'],
  [502, 'the proxy does not reach deployhook: is it running, and is that its address (server.listen)?'],
  [503, 'the proxy finds no server that is up'],
  [504, 'the proxy waited for deployhook in vain'],
])
