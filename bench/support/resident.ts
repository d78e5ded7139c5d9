import { readFileSync, writeFileSync } from 'node:fs'

/** Memory of a process that is in RAM, in MiB. */
export function residentMiB(pid: number): number {
  return statusOf(pid, 'VmRSS') / 1024
}

/** The most that it ever was. */
export function mostResidentMiB(pid: number): number {
  return statusOf(pid, 'VmHWM') / 1024
}

/** From here on the most is counted anew (proc(5), clear_refs). */
export function forgetMostResident(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Seconds of processor time that it has used, its own and the kernel's for it. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/.*\) /s, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** USER_HZ, which Linux shows to programs on every machine: proc(5), time(7). */
const ticksPerSecond = 100

function statusOf(pid: number, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN)
}
