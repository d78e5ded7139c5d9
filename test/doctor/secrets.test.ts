import { rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkSecrets } from '../../src/doctor/secrets.ts'
import { Secret } from '../../src/lib/secret.ts'
import type { Webhook } from '../../src/model/deploy-map.ts'
import { createMap } from '../support/map.ts'
import { aDaemon, createPatient, privateDirectory } from './patient.ts'

const now = new Date('2026-11-24T12:00:00.000Z')
const long = 'a-secret-for-tests-0123456789'

function webhook(...secrets: readonly string[]): Webhook {
  return { name: 'github', provider: 'github', secrets: secrets.map((text) => new Secret(text)), options: {} }
}

const lookAt = (hook: Webhook, uses: readonly (Date | null)[] = []) =>
  checkSecrets(
    createPatient({
      map: createMap([], [hook]),
      now: () => now,
      daemon: aDaemon({ secretUses: () => Promise.resolve(uses) }),
    }),
  )

describe('secrets', () => {
  it('are well when they are young, strong and one each', async () => {
    expect(await lookAt(webhook(long), [null])).toMatchObject([{ level: 'ok' }])
  })

  it('are told of when their file has not changed for a year', async () => {
    const file = join(await privateDirectory(), 'github.secret')
    await writeFile(file, long)
    const map = { ...createMap([]), secretFiles: [{ key: 'webhooks.github.secret', file }] }
    const patient = createPatient({ map, now: () => now })
    await utimes(file, now, new Date('2025-11-25T12:00:00.000Z'))
    expect(await checkSecrets(patient)).toMatchObject([{ level: 'ok' }])
    await utimes(file, now, new Date('2025-11-24T11:00:00.000Z'))
    expect(await checkSecrets(patient)).toMatchObject([
      {
        level: 'warning',
        where: 'webhooks.github.secret',
        what: `the secret in ${file} has not been changed since 2025-11-24`,
        cure: expect.stringContaining('secrets: [new, old]') as string,
      },
    ])
    await rm(file)
    expect(await checkSecrets(patient)).toMatchObject([
      { level: 'warning', what: expect.stringContaining('a restart would fail') as string },
    ])
  })

  it('are told of when they can be guessed, without a word of them', async () => {
    const found = await lookAt(webhook('hunter2'), [null])
    expect(found).toMatchObject([
      { level: 'warning', where: 'webhooks.github', cure: 'make a longer one: openssl rand -hex 32' },
    ])
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })

  it.each([
    { uses: [null, null], says: 'the new one has not been used yet', cure: 'enter the new one at the git host' },
    {
      uses: [null, new Date('2026-11-24T10:00:00Z')],
      says: 'and the old one was 2 h ago',
      cure: 'enter the new one at the git host',
    },
    {
      uses: [new Date('2026-11-24T10:00:00Z'), new Date('2026-11-24T11:00:00Z')],
      says: 'was still used 60 min ago|was still used 1 h ago',
      cure: 'enter the new one at every place that sends here, then drop the old one',
    },
    {
      uses: [new Date('2026-11-24T10:00:00Z'), new Date('2026-11-20T11:00:00Z')],
      says: 'has not been used since the new one was \\(2 h ago\\)',
      cure: 'if nothing else sends here, drop it from deploy.yml',
    },
    {
      uses: [new Date('2026-11-24T10:00:00Z'), null],
      says: 'has not been used since the new one was',
      cure: 'if nothing else sends here, drop it from deploy.yml',
    },
  ])('are told of when there are two: $says', async ({ uses, says, cure }) => {
    expect(await lookAt(webhook(long, `${long}-old`), uses)).toMatchObject([
      { level: 'warning', where: 'webhooks.github', what: expect.stringMatching(says) as string, cure },
    ])
  })

  it('are not judged by their use without a daemon', async () => {
    const patient = createPatient({ map: createMap([], [webhook(long, `${long}-old`)]), daemon: null })
    expect(await checkSecrets(patient)).toMatchObject([{ level: 'ok' }])
  })
})
