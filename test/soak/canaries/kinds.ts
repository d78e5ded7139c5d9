import { randomBytes } from 'node:crypto'

/** A kind of secret that a deploy host has to do with, and who may hold it. */
export type Kind = {
  readonly what: string
  /** The secret, made of 32 random hex digits that both halves of a find are known by. Default: those alone. */
  readonly form?: (random: string) => string
  /** What stands in the environment of a process that was given it. */
  readonly givenTo?: string
  /** The file of the state directory that may hold it while it is used, and its mode. */
  readonly keptIn?: { readonly path: RegExp; readonly mode: number }
}

const login = { path: /^askpass\/[0-9a-f-]{36}\.login$/, mode: 0o600 }
const toPrints = 'DEPLOYHOOK_APP=prints\0'
const toReports = 'report.' // the cookie of a report's program

/** The order is that of DESIGN: what comes in, git, steps, reports, deploy.yml. */
export const kinds = {
  gitlab: { what: 'the token of a GitLab webhook, sent as it is' },
  older: { what: 'the older of two secrets of a webhook' },
  gitee: { what: 'the password of a Gitee webhook, sent in a header and in the body' },
  azure: { what: 'the password of an Azure webhook, sent by basic authentication' },
  azureHeader: { what: 'the header of an Azure webhook' },
  github: { what: 'the key of a GitHub webhook' },
  bitbucket: { what: 'the key of a Bitbucket webhook' },
  standard: { what: 'the key of a Standard webhook', form: (random) => `whsec_${random}AAAAAAAAAAAA` },
  strangerHeader: { what: 'what a stranger sends in headers, and is refused' },
  strangerQuery: { what: 'what a stranger sends in a query' },
  strangerBody: { what: 'what a stranger sends in a body' },
  extraHeader: { what: 'what a git host leaks in headers that nobody asked for, also when it is believed' },
  apiToken: { what: 'the token of an API client' },
  wrongApiToken: { what: 'a wrong token of an API client' },
  queryApiToken: { what: 'a token of an API client in a query' },
  gitToken: { what: 'a git token that works', keptIn: login },
  echoedToken: { what: 'a git token that the host sends back in its answer', keptIn: login },
  redirectedToken: { what: 'a git token that the host sends back in a redirect', keptIn: login },
  proxyPassword: {
    what: 'the password of a proxy that git uses, which the proxy sends back',
    givenTo: 'GIT_ALLOW_PROTOCOL=',
  },
  sshKey: { what: 'the content of a broken ssh key' },
  env: { what: 'a value of env, by { env }', givenTo: toPrints },
  file: { what: 'a value of env, by { file }', givenTo: toPrints },
  credential: { what: 'a value of env, by { credential }', givenTo: toPrints },
  stepEnv: { what: 'a value of one step of two', givenTo: 'STEP_OWN=' },
  lines: {
    what: 'a value of several lines, printed line by line',
    form: (random) => `-----BEGIN KEY-----\nfirst+${random.slice(0, 16)}\nother/${random.slice(16)}\n-----END KEY-----`,
    givenTo: toPrints,
  },
  pattern: {
    what: 'a value that reads like a pattern',
    form: (random) => `(a+)[${random}]{2,}.*$|\\`,
    givenTo: toPrints,
  },
  odd: {
    what: 'a value that JSON and URLs write otherwise',
    form: (random) => `"ü\\ &${random}/+%`,
    givenTo: toPrints,
  },
  split: { what: 'a value that is printed in two writes', givenTo: toPrints },
  encoded: { what: 'a value that is printed in base64, alone and as a login', givenTo: toPrints },
  argued: { what: 'a value that makes a step fail with it as its last words', givenTo: 'DEPLOYHOOK_APP=fails\0' },
  other: { what: 'the value of another app, printed by a step', givenTo: 'DEPLOYHOOK_APP=other\0' },
  daemonEnv: { what: 'a variable of the daemon that no app was given' },
  script: {
    what: 'the text of a step, where everybody reads the arguments of processes',
    keptIn: { path: /^work\//, mode: 0o700 },
  },
  reportKey: { what: 'the key of a reporter', form: (random) => `whsec_${random}AAAAAAAAAAAA` },
  reportUrl: { what: 'the URL of a reporter, which answers with it' },
  reportEnv: { what: 'a value of a program that reports, printed by it', givenTo: toReports },
  urlInMap: { what: 'a token in the URL of a repository of a refused deploy.yml' },
  textInMap: { what: 'a secret as text in a refused deploy.yml, in quotes, without and on a line of its own' },
  brokenInMap: { what: 'a secret in a deploy.yml that is not even YAML' },
} as const satisfies Record<string, Kind>

export type KindName = keyof typeof kinds

export type Canary = Kind & {
  readonly name: string
  readonly text: string
  readonly random: string
}

export type Canaries = Readonly<Record<KindName | 'planted' | 'disguised', Canary>>

/** Two are no secrets of the table: `planted` stands where the looker must see it, `disguised` is printed as no mask knows it. */
export function createCanaries(): Canaries {
  const all: Record<string, Kind> = {
    ...kinds,
    planted: { what: 'the name of a branch' },
    disguised: { what: 'a value that is printed in disguises that are not promised', givenTo: toPrints },
  }
  const made = Object.entries(all).map(([name, kind]) => {
    const random = randomBytes(16).toString('hex')
    const { form = (text: string) => text } = kind
    return [name, { ...kind, name, random, text: form(random) }] as const
  })
  return Object.fromEntries(made) as unknown as Canaries
}

export type Find = (bytes: Buffer) => readonly { readonly canary: Canary; readonly form: string }[]

/** Looks for every canary, whole or half, as it is, in base64 (wherever it begins in it) and in hex. */
export function createFind(canaries: readonly Canary[]): Find {
  const needles = canaries.flatMap((canary) =>
    [canary.random.slice(0, 16), canary.random.slice(16)].flatMap((half) =>
      Object.entries(formsOf(half)).flatMap(([form, texts]) =>
        texts.map((text) => ({ canary, form, bytes: Buffer.from(text) })),
      ),
    ),
  )
  return (bytes) => {
    const found = needles.filter((needle) => bytes.includes(needle.bytes))
    const first = new Map(found.map((needle) => [`${needle.canary.name} ${needle.form}`, needle]))
    return [...first.values()]
  }
}

function formsOf(text: string): Readonly<Record<string, readonly string[]>> {
  const inside = [0, 1, 2].map((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)])
    return bytes.toString('base64').slice(Math.ceil((offset * 8) / 6), Math.floor((bytes.length * 8) / 6))
  })
  return { 'as it is': [text], 'in base64': inside, 'in hex': [Buffer.from(text).toString('hex')] }
}
