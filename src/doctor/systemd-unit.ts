/** What `systemctl show` tells of a unit: each property as text, '' where it has none. */
export type Unit = (property: string) => string

/** `Name=value` a line: systemctl(1). */
export function parseUnit(output: string): Unit {
  const lines = output.split('\n').map((line) => /^([A-Za-z]+)=(.*)$/.exec(line))
  const properties = new Map(lines.flatMap((line) => (line === null ? [] : [[line[1] ?? '', line[2] ?? ''] as const])))
  return (property) => properties.get(property) ?? ''
}

const unitsMs: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  month: 2_629_800_000,
  y: 31_557_600_000,
}

/** Milliseconds of `1min 30s` as systemd writes it (systemd.time(7)): `infinity` is that; null: it is not such a time. */
export function parseSpan(text: string): number | null {
  if (text === 'infinity') return Infinity
  if (text === '0') return 0
  const parts = text.split(' ').map((part) => /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(part))
  const lengths = parts.map((part) => Number(part?.[1] ?? NaN) * (unitsMs[part?.[2] ?? ''] ?? NaN))
  const sum = lengths.reduce((total, length) => total + length, 0)
  return Number.isNaN(sum) ? null : sum
}
