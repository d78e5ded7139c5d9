import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import type { Env } from '../../src/model/deploy-map.ts'
import { stepEnvironment } from '../../src/runner/environment.ts'
import { createDeploying, tip } from './deploying.ts'

describe('the environment made for a step', () => {
  it('takes the step’s value over the app’s, and the app’s over the base', () => {
    const env = environmentOf(
      { PATH: '/app/bin', HOME: '/app', LANG: 'de_DE.UTF-8', CI: 'false' },
      { PATH: '/step/bin' },
    )
    expect(env).toMatchObject({ PATH: '/step/bin', HOME: '/app', LANG: 'de_DE.UTF-8', CI: 'false' })
  })

  it('reveals a secret to the step that was given it', () => {
    expect(environmentOf({ TOKEN: new Secret('hush') }, {})).toHaveProperty('TOKEN', 'hush')
  })

  it.each(['DEPLOYHOOK_COOKIE', 'DEPLOYHOOK_REVISION', 'DEPLOYHOOK_REF', 'DEPLOYHOOK_APP'])(
    'lets nobody set %s',
    (name) => {
      expect(environmentOf({ [name]: 'forged' }, { [name]: 'forged' })[name]).toBe(environmentOf({}, {})[name])
    },
  )

  it('knows no DEPLOYHOOK_ variable but its own', () => {
    expect(environmentOf({ DEPLOYHOOK_STATE: '/elsewhere' }, {})).not.toHaveProperty('DEPLOYHOOK_STATE')
  })

  it('says nothing of a previous revision before anything succeeded', () => {
    expect(environmentOf({}, {})).toHaveProperty('DEPLOYHOOK_PREVIOUS_REVISION', '')
  })
})

function environmentOf(app: Record<string, string | Secret>, step: Record<string, string | Secret>) {
  const env = (values: Record<string, string | Secret>): Env => new Map(Object.entries(values))
  return stepEnvironment(
    { env: env(step) },
    {
      app: createDeploying().job({ env: env(app) }).app,
      deployment: 12,
      ref: 'refs/heads/main',
      cookie: 'state.12.1',
      revision: tip,
      directory: '/srv/blog',
      previousRevision: null,
      user: { name: 'deploy', home: '/home/deploy' },
      runAs: null,
      home: '/home/deploy',
    },
  )
}
