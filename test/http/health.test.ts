import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/store/index.ts'
import { until } from '../support/until.ts'
import { openDoor } from './door.ts'

describe('GET /healthz', () => {
  it('warns when a disk has too little room to deploy anything', async () => {
    const door = await openDoor({ diskProblems: () => Promise.resolve(['full']) })
    expect(await door.api('/readyz')).toMatchObject({ status: 200, body: { status: 'ready', warnings: ['disk_full'] } })
    expect((await door.api('/metrics')).text).toContain('deployhook_full_disks 1')
  })

  it('is alive whatever the store and the map are', async () => {
    const door = await openDoor({
      draining: () => true,
      wrapStore: (store) => ({
        ...store,
        ping: () => Promise.reject(new StoreError('unavailable', 'the disk is full')),
      }),
    })
    expect(await door.api('/healthz', { token: null })).toMatchObject({ status: 200, body: { status: 'alive' } })
  })
})

describe('GET /readyz', () => {
  it('is ready', async () => {
    expect(await (await openDoor()).api('/readyz', { token: null })).toMatchObject({
      status: 200,
      body: { status: 'ready', warnings: [] },
    })
  })

  it('stays ready with a warning when the newest deploy.yml could not be loaded', async () => {
    const door = await openDoor({
      config: () => ({ file: '/x', loadedAt: new Date(), problems: ['deploy.yml:1:1 secret place'] }),
    })
    const { status, body } = await door.api('/readyz', { token: null })
    expect({ status, body }).toEqual({ status: 200, body: { status: 'ready', warnings: ['config_not_reloaded'] } })
    expect((await door.api('/metrics')).text).toContain('deployhook_config_reload_failed 1')
  })

  it('tells what else is wrong with the daemon, and what is worth a look', async () => {
    const stuck = await openDoor({ health: () => ({ reasons: ['stuck'], warnings: ['clock_jumped'] }) })
    const { status, body } = await stuck.api('/readyz', { token: null })
    expect({ status, body }).toEqual({
      status: 503,
      body: { status: 'not_ready', reasons: ['stuck'], warnings: ['clock_jumped'] },
    })
  })

  it('is not ready while nothing can be written, or when the daemon is about to end, and says which', async () => {
    const door = await openDoor({
      draining: () => true,
      wrapStore: (store) => ({
        ...store,
        ping: () => Promise.reject(new StoreError('unavailable', 'the disk /dev/x is full')),
      }),
    })
    const { status, body } = await door.api('/readyz', { token: null })
    expect({ status, body }).toEqual({
      status: 503,
      body: { status: 'not_ready', reasons: ['store_unavailable', 'draining'], warnings: [] },
    })
    expect(door.logged).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'the store cannot be written to' }),
    )
  })

  it('writes to the store at most once a second, however often it is asked', async () => {
    let pings = 0
    const door = await openDoor({
      wrapStore: (store) => ({
        ...store,
        ping: () => {
          pings += 1
          return store.ping()
        },
      }),
    })
    const before = performance.now()
    await Promise.all(Array.from({ length: 30 }, () => door.api('/readyz', { token: null })))
    expect(pings).toBeLessThanOrEqual(1 + Math.floor((performance.now() - before) / 1000))
  })
})

describe('GET /metrics', () => {
  it('counts deliveries, refusals and deployments, and measures how long they took', async () => {
    const door = await openDoor()
    await door.push({ id: 'one' })
    await door.push({ id: 'one' })
    await door.push({ key: 'another-secret-0123456789' })
    const startedAt = new Date('2026-01-01T00:00:00Z')
    const claim = await door.store.claim({
      resolve: () => ({ concurrencyGroup: 'g', realPath: '/p', fingerprint: 'f', approve: false, windows: [] }),
      maxRunning: 1,
      at: startedAt,
    })
    if (claim === null) throw new Error('nothing to claim')
    expect((await door.api('/metrics')).text).toContain('deployhook_deployments_running 1')
    await door.store.finish(
      claim.owner,
      { outcome: 'failed', reason: 'step_failed', message: null },
      new Date('2026-01-01T00:01:30Z'),
    )

    const text = await until('the deployment to be counted', async () => {
      const { text } = await door.api('/metrics')
      return text.includes('deployments_total{') && text
    })
    for (const line of [
      'deployhook_deliveries_total{webhook="github",result="accepted"} 1',
      'deployhook_deliveries_total{webhook="github",result="duplicate"} 1',
      'deployhook_refused_total{webhook="github",reason="bad_signature"} 1',
      'deployhook_deployments_total{app="blog",outcome="failed"} 1',
      'deployhook_deployment_duration_seconds_sum{app="blog",outcome="failed"} 90',
      'deployhook_deployments_queued 0',
      'deployhook_deployments_running 0',
      'deployhook_config_reload_failed 0',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    expect(text).toMatch(/^deployhook_process_resident_memory_bytes \d/m)
    const [, cpu] = /^deployhook_process_cpu_seconds_total (\S+)/m.exec(text) ?? []
    expect(Number(cpu) / process.cpuUsage().user).toBeGreaterThan(0.5e-6) // also what came before the metrics
    expect(
      text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('deployhook_')),
    ).toEqual([])
  })

  it('is what Prometheus reads', async () => {
    expect((await (await openDoor()).api('/metrics')).headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  })
})
