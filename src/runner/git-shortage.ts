/**
 * What a git says that lacked memory, processes or open files, or that was killed for it: it has judged nothing, least of
 * all that something is broken.
 */
export const shortage =
  /Too many open files|Resource temporarily unavailable|Cannot allocate memory|[Oo]ut of memory|was ended by (?:a signal|SIG[A-Z]+)|died of signal \d+|spawn git E(?:AGAIN|MFILE|NFILE|NOMEM)/

export function isShort(exitCode: number, output: string): boolean {
  return exitCode !== 0 && shortage.test(output)
}
