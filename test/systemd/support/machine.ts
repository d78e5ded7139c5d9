import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '../../support/until.ts'

const boot = fileURLToPath(new URL('../boot.sh', import.meta.url))

/** Why no systemd can be booted here; null: one can. */
export function whyNoMachine(): string | null {
  const { status, stdout } = spawnSync('bash', [boot, 'can'], { encoding: 'utf8' })
  return status === 0 ? null : stdout.trim() || 'boot.sh did not say why'
}

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** A booted systemd with a disk of its own, which begins as a copy of this machine's. */
export type Machine = {
  /** Runs a shell text as root; throws, with all that it printed, unless it ends with 0. */
  sh(script: string): Promise<string>
  /** The same, whatever it ends with. */
  try(script: string): Promise<Ran>
  /** Starts a shell text and leaves it running. */
  start(script: string): ChildProcess
  /** As `systemctl reboot` does it: services end in order; the disk stays. */
  reboot(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

let count = 0

export async function bootMachine(): Promise<Machine> {
  const name = `deployhook-test-${process.pid}-${++count}`
  const directory = mkdtempSync(join(tmpdir(), `${name}-`))
  const console = `${directory}.log`
  let { outer, leader } = await up()

  return {
    async sh(script) {
      const ran = await runIn(leader, script)
      if (ran.code !== 0) throw new Error(`${script}\nended with ${ran.code}:\n${ran.stdout}${ran.stderr}`)
      return ran.stdout
    },
    try: (script) => runIn(leader, script),
    start: (script) => spawn('nsenter', [...enter(leader, script)], { stdio: ['ignore', 'pipe', 'pipe'] }),
    async reboot() {
      await runIn(leader, 'systemctl poweroff')
      await ended(outer, 120_000)
      ;({ outer, leader } = await up())
    },
    async [Symbol.asyncDispose]() {
      outer.kill('SIGKILL')
      await ended(outer, 30_000)
      await until('the machine to be gone', () => clean(), { everyMs: 100 })
      rmSync(directory, { recursive: true })
      rmSync(console)
    },
  }

  async function up(): Promise<{ outer: ChildProcess; leader: number }> {
    const log = openSync(console, 'a')
    const outer = spawn('bash', [boot, 'up', directory, name], { stdio: ['ignore', log, log] })
    closeSync(log)
    const isUp = async (): Promise<number | null> => {
      if (outer.exitCode !== null) throw new Error(`the machine did not boot:\n${readFileSync(console, 'utf8')}`)
      const leader = childOf(outer.pid ?? 0)
      if (leader === null) return null
      const { stdout } = await runIn(leader, 'systemctl is-system-running')
      return /^(running|degraded)$/.test(stdout.trim()) ? leader : null
    }
    return { outer, leader: await until('the machine to be up', isUp, { withinMs: 60_000, everyMs: 200 }) }
  }

  function clean(): boolean {
    return spawnSync('bash', [boot, 'clean', directory, name]).status === 0
  }
}

function childOf(pid: number): number | null {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return children === '' ? null : Number(children.split(' ')[0])
  } catch {
    return null
  }
}

function enter(leader: number, script: string): readonly string[] {
  const spaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--root', '--wd']
  const clean = [
    'env',
    '-i',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME=/root',
    'LANG=C.UTF-8',
  ]
  return ['--target', String(leader), ...spaces, '--', ...clean, 'sh', '-ec', script]
}

async function runIn(leader: number, script: string): Promise<Ran> {
  return new Promise((resolve) => {
    execFile('nsenter', [...enter(leader, script)], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255
      resolve({ code, stdout, stderr })
    })
  })
}

async function ended(child: ChildProcess, withinMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await once(child, 'exit', { signal: AbortSignal.timeout(withinMs) })
}
