/** The keys that `off` switches off. */
const switches: ReadonlySet<string> = new Set(['catch_up', 'keep_deliveries'])

/** Where these keys stand: directly in one of these maps, or in one of their entries. */
const homes = ['server', 'defaults', 'apps'] as const

/**
 * A document in which an `off` without quotes is the text `off` where it switches something off: there nobody means
 * anything else. Everywhere else it stays disputed between YAML 1.1 and 1.2 (see `yaml.ts`).
 */
export function withPlainOff(document: unknown): unknown {
  if (!isMap(document)) return document
  return { ...document, ...Object.fromEntries(homes.flatMap((home) => inHome(home, document[home]))) }
}

function inHome(home: (typeof homes)[number], value: unknown): readonly (readonly [string, unknown])[] {
  if (!isMap(value)) return []
  if (home !== 'apps') return [[home, switchedIn(value)]]
  return [[home, Object.fromEntries(Object.entries(value).map(([name, app]) => [name, switchedIn(app)]))]]
}

function switchedIn(value: unknown): unknown {
  if (!isMap(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, switches.has(key) ? plain(inner) : inner]),
  )
}

function plain(value: unknown): unknown {
  return typeof value === 'symbol' && value.description === 'off' ? 'off' : value
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
