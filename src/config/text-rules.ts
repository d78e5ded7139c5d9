import { isAbsolute, normalize } from 'node:path'
import { parseCron } from '../lib/cron.ts'
import { formatDuration, parseDuration } from '../lib/duration.ts'
import { formatSize, parseSize } from '../lib/size.ts'
import { tidyPath } from '../lib/tidy-path.ts'
import { isName } from '../model/name.ts'
import { identityOf, parseRepository } from '../model/repository.ts'
import { quoted } from './did-you-mean.ts'

/** What is wrong with one text of deploy.yml, as a sentence with the cure; null: nothing. */
export type TextRule = (text: string) => string | null

export const nameProblem: TextRule = (name) =>
  isName(name) ? null : 'a name is 1 to 63 of a-z, 0-9, _ and -, and starts with a letter or digit'

const longestMs = 7 * 86_400_000

export const durationPattern = /^(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/

export const durationProblem: TextRule = (text) => {
  const durationMs = parseDuration(text)
  if (durationMs === null)
    return `${quoted(text)} is not a duration: write whole numbers with units, such as 90s, 30m or 1h30m`
  if (durationMs === 0) return 'must be more than 0'
  return durationMs > longestMs ? `must be at most ${formatDuration(longestMs)}` : null
}

export const keepPattern = /^(off|(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?)$/

const longestKeepMs = 365 * 86_400_000

/** How long something is kept: a duration, 0s and off included. */
export const keepProblem: TextRule = (text) => {
  if (text === 'off') return null
  const durationMs = parseDuration(text)
  if (durationMs === null) return `${quoted(text)} is not a duration such as 7d or 12h (0s: not at all)`
  return durationMs > longestKeepMs ? `must be at most ${formatDuration(longestKeepMs)}` : null
}

/** How long something is watched: a duration, 0s and off included. */
export const bakeProblem: TextRule = (text) => {
  if (text === 'off') return null
  const durationMs = parseDuration(text)
  if (durationMs === null) return `${quoted(text)} is not a duration such as 30s or 5m (0s: none)`
  return durationMs > longestMs ? `must be at most ${formatDuration(longestMs)}` : null
}

const largestSize = 2 ** 50

export const sizeProblem: TextRule = (text) => {
  const bytes = parseSize(text)
  if (bytes === null) return `${quoted(text)} is not a size: write a number with its unit, such as 500MiB or 2GiB`
  return bytes > largestSize ? `must be at most ${formatSize(largestSize)}` : null
}

export const percentPattern = /^[1-9]\d{0,5}%$/

export const percentProblem: TextRule = (text) =>
  percentPattern.test(text)
    ? null
    : `${quoted(text)} is not a share of a core: write a whole number with %, such as 50% or 200%`

export const sandboxPathProblem: TextRule = (path) =>
  isAbsolute(path) && normalize(path) === path && !/[\x00-\x1f\x7f]/.test(path)
    ? null
    : `${quoted(path)} must be an absolute path without . and .., on one line`

const shortestCatchUpMs = 1_000

/** How often something is done: a duration, 0s and off included. */
export const catchUpProblem: TextRule = (text) => {
  if (text === 'off') return null
  const durationMs = parseDuration(text)
  if (durationMs === null) return `${quoted(text)} is not a duration such as 5m or 1h (off: never)`
  if (durationMs > 0 && durationMs < shortestCatchUpMs) return `must be at least ${formatDuration(shortestCatchUpMs)}`
  return durationMs > longestMs ? `must be at most ${formatDuration(longestMs)}` : null
}

export const repoProblem: TextRule = (url) => {
  const parsed = parseRepository(url)
  return 'problem' in parsed ? parsed.problem : null
}

export const aliasProblem: TextRule = (alias) =>
  identityOf(alias) === null
    ? `${quoted(alias)} names no repository: write it as payloads do, such as acme/blog, github.com/acme/blog or a clone URL`
    : null

export const envNamePattern = /^[A-Za-z_][A-Za-z0-9_]*$/

export const envNameProblem: TextRule = (name) => {
  if (!envNamePattern.test(name))
    return 'the name of an environment variable is letters, digits and _, not starting with a digit'
  if (name.length > 256) return 'the name of an environment variable is at most 256 characters long'
  return /^DEPLOYHOOK_/i.test(name)
    ? 'names that start with DEPLOYHOOK_ are set by deployhook itself: choose another'
    : null
}

export const commandProblem: TextRule = (command) =>
  command.trim() === '' ? 'is empty: write a command, or take the step out' : null

/** Where a step runs. */
export const cwdProblem: TextRule = (cwd) => {
  if (cwd === '') return 'is empty: write a directory of the repository, or take the key out'
  if (isAbsolute(cwd)) return 'must be a directory of the repository, without the / in front'
  return isInside(cwd) ? null : 'must stay inside the repository: it leads out of it by ..'
}

function isInside(path: string): boolean {
  const tidy = normalize(path)
  return tidy !== '..' && !tidy.startsWith('../')
}

/** A file named in deploy.yml: absolute, or relative to its folder. */
export const fileProblem: TextRule = (file) => {
  if (file.trim() === '') return 'is empty: name a file'
  return file.startsWith('~') ? '~ is not expanded here: write the whole path' : null
}

export const appPathProblem: TextRule = (path) => {
  if (path.startsWith('~')) return '~ is not expanded here: write the whole path, such as /srv/blog'
  if (!isAbsolute(path)) return 'must be an absolute path, such as /srv/blog'
  return path.split('/').includes('..') ? 'must not hold .. : write the path that is meant' : null
}

export const publicUrlProblem: TextRule = (text) => {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return 'must be a URL such as https://deploy.example.com'
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password'
  return url.search !== '' || url.hash !== '' ? 'must end with the host or a path, without ? and #' : null
}

export const hostProblem: TextRule = (host) => {
  if (/:\d+$/.test(host) && !host.startsWith('[')) return 'is given without a port'
  return /^(?:[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*|\[[0-9a-f:.]+\])$/i.test(host)
    ? null
    : `${quoted(host)} is not a host name, such as deploy.example.com`
}

export const sha256Problem: TextRule = (hex) =>
  /^[0-9a-f]{64}$/i.test(hex) ? null : 'must be the 64 hex digits that `deployhook token` prints (SHA-256 of the token)'

/** Below `path/shared` and below each release. */
export const sharedProblem: TextRule = (path) => {
  if (isAbsolute(path)) return 'must be a path of the repository, without the / in front'
  const tidy = tidyPath(path)
  if (path === '' || tidy === '.') return 'is empty: name a file or a directory of the repository'
  if (!isInside(path)) return 'must stay inside the repository: it leads out of it by ..'
  return tidy.split('/')[0] === '.git' ? 'must not be in .git: that belongs to deployhook' : null
}

export const windowProblem = (pattern: string, timeZone: string): string | null => {
  const window = parseCron(pattern, timeZone)
  return 'problem' in window ? window.problem : null
}

/** As useradd(8) takes them, and no number: a name says who is meant. */
export const userNameProblem: TextRule = (name) =>
  /^[a-z_][a-z0-9_-]{0,30}\$?$/i.test(name) ? null : `${quoted(name)} is not the name of a user`

export const probeUrlProblem: TextRule = (text) => {
  const url = URL.parse(text.replace('{port}', '1'))
  if (url === null || !/^https?:$/.test(url.protocol)) return 'must be a URL such as http://127.0.0.1:3000/health'
  return url.username !== '' || url.password !== ''
    ? 'must not hold a user name or password: give headers: { Authorization: { file: … } }'
    : null
}

export const tcpProblem: TextRule = (text) =>
  parseHostPort(text) === null ? 'must be HOST:PORT, such as 127.0.0.1:5432 (of a preview: 127.0.0.1:{port})' : null

/** `127.0.0.1:80`, `[::1]:80`, `localhost:{port}`: port null for the last; null for anything else. */
export function parseHostPort(text: string): { readonly host: string; readonly port: number | null } | null {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+)):(\d{1,5}|\{port\})$/i.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || digits === undefined) return null
  if (digits === '{port}') return { host, port: null }
  const port = Number(digits)
  return port >= 1 && port <= 65_535 ? { host, port } : null
}

export const statusProblem: TextRule = (text) =>
  parseStatus(text) === null ? 'must be a status such as 204, or a range such as 200-399' : null

export function parseStatus(written: string | number): { readonly from: number; readonly to: number } | null {
  const [, from, to] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(String(written)) ?? []
  if (from === undefined) return null
  const range = { from: Number(from), to: Number(to ?? from) }
  return range.from <= range.to ? range : null
}

export const unitProblem: TextRule = (unit) =>
  /^[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,254}$/.test(unit) ? null : `${quoted(unit)} is not a unit, such as api.service`

/** https://www.rfc-editor.org/rfc/rfc9110#name-field-names */
export const headerNameProblem: TextRule = (name) =>
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(name)
    ? null
    : `${quoted(name)} is not the name of a header, such as X-Api-Key`

export const headerValueProblem: TextRule = (value) =>
  /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? null : 'holds what no header can: line breaks, or letters beyond Latin-1'
