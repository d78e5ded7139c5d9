import { parseDuration } from '../../lib/duration.ts'
import { checksOf, type Entry } from '../entries.ts'
import { problemAt, problemAtKey, type Finding, type Path } from '../finding.ts'
import type { WrittenHealthCheck } from '../health-schema.ts'
import type { Judged, Rule } from './rule.ts'

const kinds = ['http', 'tcp', 'command', 'systemd_unit'] as const
const ofHttp = ['status', 'contains', 'headers', 'follow_redirects'] as const

export const checkHasOneKind: Rule = ({ entries, document }) =>
  entries.flatMap((entry) =>
    placedChecks(entry).flatMap(({ check, path }) => {
      // One that was struck out is told already, and is none the less a kind.
      const said = kinds.filter((kind) => document.has([...path, kind]))
      if (said.length !== 1) return [problemAt(path, `needs exactly one of ${kinds.join(', ')}`)]
      const stray = ofHttp.find((key) => check[key] !== undefined)
      return stray === undefined || said.includes('http')
        ? []
        : [problemAtKey([...path, stray], 'is for http alone: take it out')]
    }),
  )

/** A bake time of `defaults` is for the apps that have checks. */
export const bakeHasChecks: Rule = ({ entries, document }) =>
  entries.flatMap((entry) => {
    const { app, placeOf, isOwn } = entry
    const bakeMs = parseDuration(app.bake ?? '0s') ?? 0
    if (bakeMs === 0 || isUnread(entry, 'health', document)) return []
    if (!checksOf(app).some(({ preview }) => preview !== true))
      return isOwn('bake')
        ? [
            problemAt(
              placeOf('bake'),
              'watches nothing: add a health check that is not of the preview, or take bake out',
            ),
          ]
        : []
    const timeout = app.timeout ?? '30m'
    return bakeMs < (parseDuration(timeout) ?? Infinity)
      ? []
      : [
          problemAt(
            placeOf('bake'),
            `is as long as the whole deployment may take (timeout: ${timeout}): make it shorter, or timeout longer`,
          ),
        ]
  })

/** What is asked of a preview needs one to be asked, and a preview that nobody asks tells nothing. */
export const previewIsAsked: Rule = ({ entries, document }) =>
  entries.flatMap((entry) => {
    const { name, app, placeOf, isOwn } = entry
    if (isUnread(entry, 'preview', document) || isUnread(entry, 'health', document)) return []
    const asking = placedChecks(entry).find(({ check }) => check.preview === true)
    if (app.preview === undefined && asking !== undefined)
      return [
        isOwn('health')
          ? problemAt(
              [...asking.path, 'preview'],
              'there is no preview to ask: add preview: and the command that starts the app on the port in PORT',
            )
          : problemAtKey(
              ['apps', name],
              'has no preview, which a health check of defaults asks: add preview: and the command that starts the app on the port in PORT',
            ),
      ]
    if (app.preview !== undefined && asking === undefined && isOwn('preview'))
      return [
        problemAtKey(
          placeOf('preview'),
          'is asked by no health check: add one, such as health: { http: "http://127.0.0.1:{port}/", preview: true }',
        ),
      ]
    return []
  })

export const checksFitPreview: Rule = ({ entries }) =>
  entries.flatMap((entry) => placedChecks(entry).flatMap(({ check, path }) => misfitOf(check, path)))

function misfitOf(check: WrittenHealthCheck, path: Path): readonly Finding[] {
  const key = check.http === undefined ? 'tcp' : 'http'
  const address = check[key]
  if (check.preview !== true)
    return address?.includes('{port}') === true
      ? [problemAt([...path, key], '{port} is the port of the preview: add preview: true, or write the port')]
      : []
  if (check.systemd_unit !== undefined)
    return [
      problemAt(
        [...path, 'preview'],
        'a preview is no unit of systemd: take it out here, or ask by http, tcp or command',
      ),
    ]
  // Anywhere else than as the port, it would ask what is live.
  if (address === undefined || /^(?:https?:\/\/)?[^/?#]*:\{port\}(?:[/?#]|$)/i.test(address)) return []
  return [
    problemAt(
      [...path, key],
      `asks another port than the preview's: write {port} for it, as in ${key === 'http' ? 'http://127.0.0.1:{port}/health' : '127.0.0.1:{port}'}`,
    ),
  ]
}

function placedChecks({ app, placeOf }: Entry): readonly { readonly check: WrittenHealthCheck; readonly path: Path }[] {
  const place = placeOf('health')
  const isList = Array.isArray(app.health)
  return checksOf(app).map((check, index) => ({ check, path: isList ? [...place, index] : place }))
}

/** Written by the app, but so that it was struck out, and told. */
function isUnread({ name, app }: Entry, key: 'health' | 'preview', document: Judged['document']): boolean {
  return app[key] === undefined && document.has(['apps', name, key])
}
