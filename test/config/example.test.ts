import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadDeployMap } from '../../src/config/index.ts'
import { jsonSchemaOf } from '../../src/config/json-schema.ts'
import { providers } from '../../src/providers/index.ts'
import { reporters } from '../../src/reporters/index.ts'
import { makeFolder, options, signing, strong } from './support.ts'

const root = join(import.meta.dirname, '../..')

describe('deploy.schema.json', () => {
  it('is what the schema makes today (npx vitest run test/config -u)', async () => {
    const made = JSON.stringify(jsonSchemaOf(providers, reporters), null, 2) + '\n'
    await expect(made).toMatchFileSnapshot(join(root, 'deploy.schema.json'))
  })
})

describe('deploy.yml.example', () => {
  it('parses without a warning', async () => {
    const folder = await makeFolder()
    const text = (await readFile(join(root, 'deploy.yml.example'), 'utf8')).replaceAll('/etc/deployhook', folder)
    await mkdir(join(folder, 'secrets'))
    await mkdir(join(folder, 'keys'))
    for (const file of [
      'secrets/gitlab.new',
      'secrets/docs-token',
      'secrets/pager-token',
      'secrets/api-health',
      'keys/shop',
      'known_hosts',
      'gitlab-webhook',
    ]) {
      await writeFile(join(folder, file), `${strong}\n`)
      await chmod(join(folder, file), 0o600)
    }
    const file = join(folder, 'deploy.yml')
    await writeFile(file, text)
    await chmod(file, 0o640)
    const env = {
      GITHUB_WEBHOOK_SECRET: strong,
      AZURE_WEBHOOK_SECRET: strong,
      NPM_TOKEN: 'x',
      CI_TOKEN: strong,
      REPORTS_SECRET: signing,
      CREDENTIALS_DIRECTORY: folder,
    }
    // A service user: as root the steps would be refused, which is right.
    const uid = options.uid === 0 ? 990 : options.uid
    const lookUpUser = () => Promise.resolve({ kind: 'found', uid } as const)
    const loaded = await loadDeployMap(file, { ...options, env, uid, lookUpUser })
    expect(loaded).toMatchObject({ kind: 'loaded', warnings: [] })
  })

  it('names the schema to editors on its first line', async () => {
    const [first] = (await readFile(join(root, 'deploy.yml.example'), 'utf8')).split('\n')
    expect(first).toBe('# yaml-language-server: $schema=./deploy.schema.json')
  })

  it('shows every key of the schema, not only in a comment', async () => {
    const example: unknown = parse(await readFile(join(root, 'deploy.yml.example'), 'utf8'))
    const shown = keysIn(example)
    const known = keysOfSchema(jsonSchemaOf(providers, reporters))
    expect(known.size).toBeGreaterThan(30)
    expect([...known].filter((key) => !shown.has(key))).toEqual([])
  })
})

function keysIn(value: unknown): Set<string> {
  if (typeof value !== 'object' || value === null) return new Set()
  const own = Array.isArray(value) ? [] : Object.keys(value)
  return new Set([...own, ...Object.values(value).flatMap((inner) => [...keysIn(inner)])])
}

function keysOfSchema(schema: unknown): Set<string> {
  if (typeof schema !== 'object' || schema === null) return new Set()
  const properties: unknown = 'properties' in schema ? schema.properties : {}
  const own = typeof properties === 'object' && properties !== null ? Object.keys(properties) : []
  return new Set([...own, ...Object.values(schema).flatMap((inner) => [...keysOfSchema(inner)])])
}
