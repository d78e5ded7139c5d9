import type { YAMLParseError } from 'yaml'

/** What is wrong with the text and how to mend it, for the mistakes that people make. */
export function sentenceOf(code: YAMLParseError['code']): string {
  return sentences[code] ?? `is not valid YAML here (${code.toLowerCase().replaceAll('_', ' ')})`
}

const sentences: Partial<Record<YAMLParseError['code'], string>> = {
  ALIAS_PROPS: 'an alias (*name) cannot have an anchor or a tag of its own',
  BAD_ALIAS: 'an alias (*name) needs a name that an anchor (&name) gave before; quote text that starts with * or &',
  BAD_COLLECTION_TYPE: 'a tag (!…) is not supported here: take it out, or quote text that starts with !',
  BAD_DIRECTIVE: 'a line that starts with % is a directive, which deploy.yml does not need: take it out or quote it',
  BAD_DQ_ESCAPE: 'a backslash in "…" begins an escape that does not exist: double the backslash, or use \'…\'',
  BAD_INDENT:
    'the indentation does not fit: keys of one map, and items of one list, start in the same column (or is a bracket not closed?)',
  BAD_SCALAR_START: 'text cannot start with this character without quotes: quote the whole text',
  BLOCK_AS_IMPLICIT_KEY: 'a second "key:" on one line: put it on a line of its own, or quote text that holds ": "',
  BLOCK_IN_FLOW:
    'a block list or map cannot stand inside [ ] or { }: is a bracket not closed, or is there a ": " in a text without quotes?',
  IMPOSSIBLE: 'is not valid YAML here',
  KEY_OVER_1024_CHARS: 'a key is longer than 1,024 characters: is a quote or a bracket not closed?',
  MISSING_CHAR: 'a quote, bracket, comma, colon or space is missing here, or was not closed before',
  MULTILINE_IMPLICIT_KEY: 'a key runs over more than one line: is there a ":" missing, or a quote not closed?',
  MULTIPLE_ANCHORS: 'a value can have one anchor (&name)',
  MULTIPLE_DOCS: 'a second document begins here (---): deploy.yml holds one',
  MULTIPLE_TAGS: 'a tag (!…) is not supported here: take it out, or quote text that starts with !',
  NON_STRING_KEY: 'a key must be text: quote it',
  RESOURCE_EXHAUSTION: 'is nested too deep here for a deploy.yml',
  TAB_AS_INDENT: 'a tab cannot indent: use spaces',
  TAG_RESOLVE_FAILED: 'a tag (!…) is not supported here: take it out, or quote text that starts with !',
  UNEXPECTED_TOKEN: 'this does not belong here: check quotes, brackets and the indentation',
}
