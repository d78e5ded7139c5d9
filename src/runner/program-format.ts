import { closeSync, constants, openSync, readSync } from 'node:fs'

/**
 * Why a file that may be executed is nothing that the system can run by itself, so that a shell was given it instead
 * (execvp(3) and every shell do that, and it ends with 127, 126 or 2); null: it is a script or a program of this machine.
 */
export function formatProblem(path: string, head = headOf(path)): string | null {
  if (head === null || head.length === 0 || head.toString('latin1', 0, 2) === '#!') return null
  if (isElf(head)) {
    const own = headOf(process.execPath)
    if (own === null || !isElf(own) || machineOf(head) === machineOf(own)) return null
    return `${path} is a program for another kind of processor than this machine has`
  }
  return head.includes(0)
    ? `${path} is not a program, nor a script`
    : `${path} has no first line that names what runs it (such as #!/usr/bin/env python3), so a shell ran it`
}

/** What stands behind `#!`, at most 127 bytes; null: it is not a script. See execve(2). */
export function firstLine(path: string, head = headOf(path)): string | null {
  const text = head?.toString('utf8') ?? ''
  return text.startsWith('#!') ? (text.slice(2).split('\n')[0] ?? '').trimStart() : null
}

/** The first 128 bytes; null when it cannot be read. */
function headOf(path: string): Buffer | null {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const head = Buffer.alloc(128)
      return head.subarray(0, readSync(fd, head))
    } finally {
      closeSync(fd)
    }
  } catch {
    return null
  }
}

/** https://man7.org/linux/man-pages/man5/elf.5.html */
function isElf(head: Buffer): boolean {
  return head.length >= 20 && head.toString('latin1', 0, 4) === '\x7fELF'
}

/** `e_machine`, in the byte order that the file says it has. */
function machineOf(head: Buffer): number {
  return head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18)
}
