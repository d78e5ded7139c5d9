import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { freezeOf, holdOf, type Gates } from '../model/gate.ts'
import type { Measured, Metrics } from './metrics.ts'

/** Metrics in a registry of prom-client, with nothing counted yet. */
export function createPrometheus({ store, map, config, catchUp, diskProblems, clock }: Measured): Metrics {
  const register = new Registry()
  const registers = [register]
  // A delay of the event loop is told to the tenth of a second: at its default of 10 ms this timer would be all that an
  // idle daemon does.
  collectDefaultMetrics({ register, prefix: 'deployhook_', eventLoopMonitoringPrecision: 100 })
  countEarlierCpu(register)

  const deliveries = new Counter({
    name: 'deployhook_deliveries_total',
    help: 'Verified deliveries by what became of them.',
    labelNames: ['webhook', 'result'],
    registers,
  })
  const unkept = new Counter({
    name: 'deployhook_deliveries_unkept_total',
    help: 'Deliveries that could not be kept and were answered with a 5xx: whoever sent them must send them again.',
    labelNames: ['webhook'],
    registers,
  })
  const replays = new Counter({
    name: 'deployhook_replays_total',
    help: 'Kept deliveries that were judged again, by what became of them.',
    labelNames: ['result'],
    registers,
  })
  const refused = new Counter({
    name: 'deployhook_refused_total',
    help: 'Requests to a webhook that were not believed.',
    labelNames: ['webhook', 'reason'],
    registers,
  })
  const deployments = new Counter({
    name: 'deployhook_deployments_total',
    help: 'Deployments that are done.',
    labelNames: ['app', 'outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'deployhook_deployment_duration_seconds',
    help: 'From the start of a deployment to its end.',
    labelNames: ['app', 'outcome'],
    buckets: [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600],
    registers,
  })

  for (const state of ['queued', 'running'] as const) {
    new Gauge({
      name: `deployhook_deployments_${state}`,
      help: `Deployments that are ${state} now.`,
      registers,
      async collect() {
        const queue = await store.queue().catch(() => null)
        this.set(queue === null ? NaN : queue.filter((other) => other.state === state).length)
      },
    })
  }
  for (const state of ['pending', 'dead'] as const) {
    new Gauge({
      name: `deployhook_reports_${state}`,
      help:
        state === 'pending' ? 'Reports that are still to be sent.' : 'Reports of the last 30 days that were given up.',
      labelNames: ['reporter'],
      registers,
      async collect() {
        this.reset()
        for (const count of await store.reportCounts().catch(() => []))
          this.set({ reporter: count.reporter }, count[state])
      },
    })
  }
  new Gauge({
    name: 'deployhook_config_reload_failed',
    help: '1 while the newest deploy.yml could not be loaded and an older one is in force.',
    registers,
    collect() {
      this.set(config().problems.length > 0 ? 1 : 0)
    },
  })

  new Gauge({
    name: 'deployhook_full_disks',
    help: 'Disks of the state directory and the apps that are below server.min_free: what lies on them is not deployed.',
    registers,
    async collect() {
      this.set((await diskProblems()).length)
    },
  })

  new Gauge({
    name: 'deployhook_webhook_secret_last_used_timestamp_seconds',
    help: 'When a delivery was last proven by this secret, counted from 1 as in deploy.yml.',
    labelNames: ['webhook', 'secret'],
    registers,
    async collect() {
      this.reset()
      for (const { name, secrets } of map().webhooks.values()) {
        const uses = await store.secretUses(name, secrets).catch(() => [])
        for (const [index, at] of uses.entries()) {
          if (at !== null) this.set({ webhook: name, secret: String(index + 1) }, at.getTime() / 1000)
        }
      }
    },
  })

  new Gauge({
    name: 'deployhook_catch_up_failures',
    help: 'How often in a row catch-up has asked the repository of the app in vain.',
    labelNames: ['app'],
    registers,
    collect() {
      this.reset()
      for (const app of map().apps.values()) {
        const { everyMs, failing } = catchUp(app)
        if (everyMs > 0) this.set({ app: app.name }, failing?.times ?? 0)
      }
    },
  })
  new Gauge({
    name: 'deployhook_catch_up_answered_timestamp_seconds',
    help: 'When the repository of the app last answered catch-up.',
    labelNames: ['app'],
    registers,
    collect() {
      this.reset()
      for (const app of map().apps.values()) {
        const { answeredAt } = catchUp(app)
        if (answeredAt !== null) this.set({ app: app.name }, answeredAt.getTime() / 1000)
      }
    },
  })

  for (const [name, state, isShut] of gauges) {
    new Gauge({
      name: `deployhook_app_${name}`,
      help: `1 while the app is ${state}.`,
      labelNames: ['app'],
      registers,
      async collect() {
        this.reset()
        const gates = await store.gates().catch(() => null)
        for (const app of map().apps.keys())
          this.set({ app }, gates === null ? NaN : Number(isShut(app, gates, clock.now())))
      },
    })
  }

  return {
    delivery: (webhook, result) => {
      deliveries.inc({ webhook, result })
    },
    unkept: (webhook) => {
      unkept.inc({ webhook })
    },
    refusal: (webhook, reason) => {
      refused.inc({ webhook, reason })
    },
    replay: (result) => {
      replays.inc({ result })
    },
    deployed({ app, outcome, startedAt, finishedAt }) {
      const labels = { app, outcome: outcome ?? 'unknown' }
      deployments.inc(labels)
      if (startedAt !== null && finishedAt !== null) {
        durations.observe(labels, (finishedAt.getTime() - startedAt.getTime()) / 1000)
      }
    },
    read: async () => ({ contentType: register.contentType, text: await register.metrics() }),
  }
}

/** prom-client counts processor time from when it is loaded; here it is that of the process. */
function countEarlierCpu(register: Registry): void {
  const { user, system } = process.cpuUsage()
  for (const [name, microseconds] of Object.entries({ user_: user, system_: system, '': user + system })) {
    const counter = register.getSingleMetric(`deployhook_process_cpu_${name}seconds_total`)
    if (counter instanceof Counter) counter.inc(microseconds / 1e6)
  }
}

const gauges = [
  ['held', 'held at what is live', (app: string, gates: Gates) => holdOf(app, gates) !== null],
  ['frozen', 'frozen', (app: string, gates: Gates, at: Date) => freezeOf(app, gates, at) !== null],
] as const
