import { CliError, exit } from './cli-error.ts'

/** Headers as a file holds them: a JSON object of texts, or a `Name: value` a line, as git hosts and curl show them. */
export function parseHeaders(text: string): Readonly<Record<string, string>> {
  const trimmed = text.trim()
  if (trimmed.startsWith('{')) return fromJson(trimmed)
  const headers: Record<string, string> = {}
  for (const [index, line] of trimmed.split(/\r?\n/).entries()) {
    if (line.trim() === '' || (index === 0 && isRequestLine(line))) continue
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):\s*(.*?)\s*$/.exec(line) ?? []
    if (name === undefined || value === undefined)
      throw notHeaders(`line ${index + 1} is no header, which is "Name: value"`)
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  return headers
}

/** Somebody copied the whole head of a request. */
function isRequestLine(line: string): boolean {
  return /^[A-Z]+ \S+ HTTP\/[\d.]+$/.test(line)
}

function fromJson(text: string): Readonly<Record<string, string>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw notHeaders('it starts like a JSON object and is none', error)
  }
  const entries = Object.entries(value as object)
  const wrong = entries.find(([, header]) => typeof header !== 'string')
  if (wrong !== undefined) throw notHeaders(`the header ${JSON.stringify(wrong[0])} is not a text`)
  return Object.fromEntries(entries)
}

function notHeaders(why: string, cause?: unknown): CliError {
  return new CliError(`the file with the headers cannot be used: ${why}`, { exitCode: exit.usage, cause })
}
