import { describe, expect, it } from 'vitest'
import type { Deployment, Outcome } from '../../src/model/deployment.ts'
import { createReport, reportBody, reportsOf, type ReportKind } from '../../src/model/report.ts'
import { createDeployment } from '../support/deployment.ts'

describe('the reports of a deployment', () => {
  it.each<[end: Outcome, previous: Outcome | null, on: ReportKind[], told: ReportKind | null]>([
    ['failed', 'succeeded', ['failed', 'recovered'], 'failed'],
    ['timed_out', null, ['failed'], 'timed_out'],
    ['interrupted', null, ['failed'], 'interrupted'],
    ['rolled_back', null, ['failed'], 'rolled_back'],
    ['failed', 'failed', ['timed_out'], null],
    ['succeeded', 'failed', ['failed', 'recovered'], 'recovered'],
    ['succeeded', 'timed_out', ['succeeded'], 'recovered'],
    ['succeeded', 'succeeded', ['recovered'], null],
    ['succeeded', null, ['recovered'], null],
    ['succeeded', null, ['succeeded'], 'succeeded'],
    ['superseded', 'failed', ['failed', 'recovered', 'succeeded'], null],
    ['skipped', 'failed', ['skipped'], 'skipped'],
    ['cancelled', 'failed', ['failed', 'recovered'], null],
  ])('that ends %s after %s, for whoever wants %j: %s', (end, previous, on, told) => {
    const reports = reportsOf(end, { previous, notify: [{ reporter: 'ops', on }] })
    expect(reports).toEqual(told === null ? [] : [{ reporter: 'ops', kind: told }])
  })

  it('are one for each reporter, however often it is named', () => {
    const notify = ['ops', 'pager', 'ops'].map((reporter) => ({ reporter, on: ['failed'] as const }))
    expect(reportsOf('failed', { previous: null, notify }).map(({ reporter }) => reporter)).toEqual(['ops', 'pager'])
  })
})

describe('a report', () => {
  const of = (change: Partial<Deployment>, kind: ReportKind = 'failed') =>
    createReport(
      { id: 3, kind, madeAt: new Date(1_764_000_000_123) },
      { databaseId: 'a1b2', deployment: createDeployment(change), publicUrl: 'https://deploy.example.com' },
    )

  it('says in one line what became of the deployment, and where to look', () => {
    expect(of({ message: 'step 2 (npm test) failed with exit code 1' })).toMatchObject({
      id: 'a1b2-3-1764000000123',
      message: 'blog: deployment 12 of cccccccccccc failed: step 2 (npm test) failed with exit code 1',
      url: 'https://deploy.example.com/api/deployments/12',
    })
    expect(of({ message: null }, 'recovered').message).toBe(
      'blog: deployment 12 of cccccccccccc succeeded; the app is well again',
    )
  })

  it('has an id that a database restored from a backup, which counts on from there, does not give to another', () => {
    const [first, other] = [1, 2].map((second) => {
      const [record, deployment] = [
        { id: 3, kind: 'failed', madeAt: new Date(second * 1000) } as const,
        createDeployment(),
      ]
      return createReport(record, { databaseId: 'a1b2', deployment, publicUrl: null }).id
    })
    expect(first).not.toBe(other)
  })

  it('carries nothing that colours or moves in a terminal, breaks a line or turns text around', () => {
    const message = 'a\u001b[31mred\u001b[0m\r\nb\u0000c\u202ed'
    expect(of({ message }).message).toMatch(/failed: a \[31mred \[0m b c d$/)
  })

  it('has a body of JSON with the deployment as the API shows it', () => {
    const body: unknown = JSON.parse(reportBody(of({ message: '@everyone <b>' })))
    expect(body).toMatchObject({
      id: 'a1b2-3-1764000000123',
      kind: 'failed',
      app: 'blog',
      outcome: 'failed',
      ref: 'refs/heads/main',
    })
    expect(body).toMatchObject({ deployment: { id: 12, message: '@everyone <b>', waitingFor: null } })
  })
})
