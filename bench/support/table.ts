import { judge, type Finding, type Spread, type Target, type Unit } from './finding.ts'

/** A Markdown table of what was found, one line each: medians, and behind them the least and the most of all rounds. */
export function tableOf(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => {
    const { what, unit, target } = finding
    const { ours, theirs, ratio, difference, isMet } = judge(finding)
    return [
      what,
      shown(ours, unit),
      theirs === null ? '' : `${shown(theirs, unit)} (${finding.theirs?.who ?? ''})`,
      target?.of === 'difference' ? shown(difference, unit) : ratio === null ? '' : shown(ratio, '×'),
      target === null ? '' : `${wanted(target, unit)} ${isMet === null ? '' : isMet ? '✓' : '✗'}`.trim(),
    ]
  })
  return [['', 'deployhook', 'compared with', 'ratio or difference', 'to reach'], rule, ...rows].map(line).join('\n')
}

const rule = ['---', '---:', '---:', '---:', '---']

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function shown(spread: Spread | null, unit: Unit | '×'): string {
  if (spread === null) return ''
  const { median, min, max } = spread
  const number = withUnit(median, unit)
  return min === max ? number : `${number} (${short(min)}–${short(max)})`
}

function wanted({ of, is, limit }: Target, unit: Unit): string {
  const sign = is === 'at least' ? '≥' : '≤'
  if (of === 'ratio') return `${sign} ${short(limit)} ×`
  return of === 'difference' ? `${sign} ${withUnit(limit, unit)} more` : `${sign} ${withUnit(limit, unit)}`
}

function withUnit(value: number, unit: Unit | '×'): string {
  const space = unit === '%' || unit === '/s' || unit === '' ? '' : ' '
  return `${short(value)}${space}${unit}`
}

/** Three digits that matter. */
function short(value: number): string {
  if (!Number.isFinite(value)) return '?'
  const size = Math.abs(value)
  return size >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(size < 1 ? 2 : 3)))
}
