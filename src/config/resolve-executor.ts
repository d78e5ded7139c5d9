import { parseSize } from '../lib/size.ts'
import type { Limits, Sandbox } from '../model/limits.ts'
import type { WrittenLimits, WrittenSandbox } from './executor-schema.ts'

export function resolveLimits({ memory, cpu, tasks }: WrittenLimits = {}): Limits {
  return {
    memoryBytes: memory === undefined ? null : parseSize(memory),
    cpuPercent: cpu === undefined ? null : parseInt(cpu, 10),
    tasks: tasks ?? null,
  }
}

export function resolveSandbox(written: WrittenSandbox = {}): Sandbox {
  return {
    protectSystem: written.protect_system ?? null,
    protectHome: written.protect_home ?? null,
    readWritePaths: written.read_write_paths ?? [],
    readOnlyPaths: written.read_only_paths ?? [],
    inaccessiblePaths: written.inaccessible_paths ?? [],
    privateTmp: written.private_tmp ?? false,
    privateDevices: written.private_devices ?? false,
    privateNetwork: written.private_network ?? false,
    noNewPrivileges: written.no_new_privileges ?? false,
  }
}
