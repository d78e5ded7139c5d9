import { problemAt, problemAtKey } from '../finding.ts'
import type { Rule } from './rule.ts'

export const apiTokensHaveOneSecret: Rule = ({ written }) =>
  (written.server?.api_tokens ?? []).flatMap(({ secret, sha256 }, index) => {
    if ((secret === undefined) !== (sha256 === undefined)) return []
    const path = ['server', 'api_tokens', index]
    if (secret === undefined)
      return [problemAt(path, 'has neither secret nor sha256: make one with `deployhook token`')]
    return [problemAtKey([...path, 'sha256'], 'secret and sha256 are both here: keep one')]
  })

export const apiTokenNamesDiffer: Rule = ({ written }) => {
  const tokens = written.server?.api_tokens ?? []
  return tokens.flatMap(({ name }, index) => {
    if (tokens.findIndex((other) => other.name === name) === index) return []
    return [
      problemAt(
        ['server', 'api_tokens', index, 'name'],
        `another token is called ${name} already: give each its own name`,
      ),
    ]
  })
}
