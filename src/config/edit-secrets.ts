import { isAlias, isMap, isScalar, Lexer, parseDocument, type ParsedNode, type YAMLMap } from 'yaml'
import { z } from 'zod'
import { secretSource, type SecretSource } from './schema-parts.ts'

/** What deploy.yml names as the secrets of one webhook, and the same text with others in their place. */
export type SecretsInText = {
  /** The newest first. */
  readonly sources: readonly SecretSource[]
  /** All else stays as it is, byte for byte: comments, order, spaces. */
  replacedBy(sources: readonly SecretSource[]): string
}

/**
 * Finds where a deploy.yml names the secrets of a webhook, or says why only a person can change them. `text` was judged
 * right before, and what comes out is to be judged again.
 */
export function secretsIn(text: string, webhook: string): SecretsInText | { readonly problem: string } {
  const document = parseDocument(text, { version: '1.2' })
  if (document.errors.length > 0) return { problem: 'the file is no YAML' }
  const entry = valueOf(valueOf(document.contents, 'webhooks'), webhook)
  if (!isMap(entry)) return { problem: `webhooks.${webhook} is not written out there (perhaps by an anchor)` }
  const pair = pairOf(entry, 'secret') ?? pairOf(entry, 'secrets')
  if (pair === null) return { problem: `the secret of webhooks.${webhook} is not written there (perhaps merged by <<)` }
  const { key, value } = pair
  if (isAlias(value) || value.anchor !== undefined || /[&*!]/.test(text.slice(key.range[0], value.range[0])))
    return { problem: `the secret of webhooks.${webhook} is written by an anchor, an alias or a tag` }

  const written = z.union([secretSource, z.array(secretSource)]).safeParse(value.toJS(document))
  if (!written.success) return { problem: `webhooks.${webhook} names no secret` }
  const [start] = key.range
  const end = value.range[0] + text.slice(value.range[0], value.range[1]).trimEnd().length
  const indent = /(?:^|\n)([ \t]*)$/.exec(text.slice(0, start))?.[1]
  const comments = commentsIn(text.slice(start, end))
  if (comments.length > 0 && indent === undefined)
    return { problem: `comments stand between the secrets of webhooks.${webhook}` }
  const kept = comments.map((comment) => `${comment}\n${indent ?? ''}`).join('')
  return {
    sources: Array.isArray(written.data) ? written.data : [written.data],
    replacedBy: (sources) => text.slice(0, start) + kept + entryText(sources) + text.slice(end),
  }
}

/** Those within what is replaced: they are put above it. */
function commentsIn(text: string): readonly string[] {
  return [...new Lexer().lex(text)].filter((lexeme) => lexeme.startsWith('#'))
}

/** `secret: { file: … }`, or `secrets: [{ … }, { … }]`, on one line. */
export function entryText(sources: readonly SecretSource[]): string {
  const [only, ...more] = sources.map(sourceText)
  return more.length === 0 ? `secret: ${only ?? ''}` : `secrets: [${[only, ...more].join(', ')}]`
}

function sourceText(source: SecretSource): string {
  const [[kind, name] = ['', '']] = Object.entries(source)
  return `{ ${kind}: ${yamlText(name)} }`
}

/** A text as YAML has it anywhere, also between braces: JSON is YAML. */
export function yamlText(text: string): string {
  return /^[A-Za-z/_.](?:[A-Za-z0-9_./@-]|:(?=[A-Za-z0-9/]))*$/.test(text) &&
    !/^(?:true|false|null|yes|no|on|off|y|n|\.+|~)$/i.test(text)
    ? text
    : JSON.stringify(text)
}

type Pair = { readonly key: ParsedNode; readonly value: ParsedNode }

function pairOf(map: YAMLMap, name: string): Pair | null {
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === name)
  return pair === undefined ? null : (pair as Pair)
}

function valueOf(node: unknown, name: string): unknown {
  return isMap(node) ? (pairOf(node, name)?.value ?? null) : null
}
