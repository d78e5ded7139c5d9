/** A pattern over names with slashes. `matches` takes time in proportion to pattern × name, whatever they are. */
export type Glob = { readonly text: string; readonly matches: (name: string) => boolean }

/**
 * `*` any text within one part, `**` any number of whole parts, `?` one character, `\` takes what follows as it is.
 * A name that begins with a dot is a name like any other. Answers what is wrong with the pattern, with the cure.
 */
export function parseGlob(text: string): Glob | { readonly problem: string } {
  const tokens = tokensOf(text)
  return 'problem' in tokens ? tokens : { text, matches: (name) => matchTokens(tokens, name) }
}

/** The glob that a pattern without a problem is. Throws for another: the map was checked, so that is a bug of ours. */
export function globOf(text: string): Glob {
  const glob = parseGlob(text)
  if ('problem' in glob) throw new Error(`glob ${text} ${glob.problem}`)
  return glob
}

/** A name that the pattern matches, with `x` for whatever is left open. Only for a pattern that has no problem. */
export function exampleOf(text: string): string {
  return text.replace(/\\(.)|\*+|\?/gsu, (_all, escaped?: string) => escaped ?? 'x')
}

/** A character as it is, or one of four wildcards. `parts` (zero or more of `part/`) is always followed by `inPart`. */
type Token = { readonly is: string } | 'one' | 'star' | 'all' | 'parts' | 'inPart'

function tokensOf(text: string): readonly Token[] | { readonly problem: string } {
  if (text === '') return { problem: 'is empty' }
  if (text.length > maxLength) return { problem: `is longer than ${maxLength} characters` }
  if (text.startsWith('/')) return { problem: 'begins with /: take it away, names begin at the top' }
  if (text.endsWith('/')) return { problem: 'ends with /: add ** for everything below it' }
  const tokens: Token[] = []
  const parts = text.split('/')
  for (const [position, part] of parts.entries()) {
    const isLast = position === parts.length - 1
    if (part === '**') {
      tokens.push(...(isLast ? (['all'] as const) : (['parts', 'inPart'] as const)))
      continue
    }
    const found = tokensOfPart(part)
    if ('problem' in found) return found
    tokens.push(...found, ...(isLast ? [] : [{ is: '/' }]))
  }
  return tokens
}

const maxLength = 1024

function tokensOfPart(part: string): readonly Token[] | { readonly problem: string } {
  if (part === '' || part === '.' || part === '..')
    return { problem: 'has an empty part, . or .. in it: write the names alone' }
  if (/(?<!\\)(?:\\\\)*\*\*/.test(part))
    return { problem: 'has ** inside a part: it stands for whole parts, as in **/*.md; use * here' }
  const tokens: Token[] = []
  const characters = Array.from(part)
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] ?? ''
    if (character === '\\') {
      index++
      const escaped = characters[index]
      if (escaped === undefined) return { problem: 'has a \\ with nothing after it: write \\\\ for the character' }
      tokens.push({ is: escaped })
    } else if ('[]{}'.includes(character)) {
      return { problem: `has ${character} in it, which is no wildcard here: list each name, or write \\${character}` }
    } else {
      tokens.push(character === '*' ? 'star' : character === '?' ? 'one' : { is: character })
    }
  }
  return tokens
}

/** Goes through the name once, with every place of the pattern where it may stand: never back, so never exponential. */
function matchTokens(tokens: readonly Token[], name: string): boolean {
  let places = new Uint8Array(tokens.length + 1)
  reach(tokens, places, 0)
  for (const character of name) {
    const next = new Uint8Array(tokens.length + 1)
    for (const [place, token] of tokens.entries()) {
      if (places[place] === 1) step(tokens, next, { place, token, character })
    }
    places = next
  }
  return places[tokens.length] === 1
}

/** Marks `place`, and what can be reached from it without a character. */
function reach(tokens: readonly Token[], places: Uint8Array, from: number): void {
  let place = from
  while (places[place] === 0) {
    places[place] = 1
    const token = tokens[place]
    if (token === 'star' || token === 'all') place += 1
    else if (token === 'parts') place += 2
  }
}

function step(
  tokens: readonly Token[],
  next: Uint8Array,
  { place, token, character }: { readonly place: number; readonly token: Token; readonly character: string },
): void {
  const isSlash = character === '/'
  if (typeof token === 'object') {
    if (token.is === character) reach(tokens, next, place + 1)
  } else if (token === 'one') {
    if (!isSlash) reach(tokens, next, place + 1)
  } else if (token === 'star') {
    if (!isSlash) reach(tokens, next, place)
  } else if (token === 'all') {
    reach(tokens, next, place)
  } else if (token === 'parts') {
    if (!isSlash) reach(tokens, next, place + 1)
  } else {
    reach(tokens, next, isSlash ? place - 1 : place)
  }
}
