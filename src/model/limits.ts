/** The most that a command may use, with all that it starts; null: no limit of its own. */
export type Limits = {
  readonly memoryBytes: number | null
  /** Of one core: 200 is two cores. */
  readonly cpuPercent: number | null
  /** Processes and threads. */
  readonly tasks: number | null
}

/** What a command may see and change beyond what its user may. */
export type Sandbox = {
  readonly protectSystem: 'full' | 'strict' | null
  readonly protectHome: 'hidden' | 'read-only' | null
  /** Absolute and normalised, like the others. */
  readonly readWritePaths: readonly string[]
  readonly readOnlyPaths: readonly string[]
  readonly inaccessiblePaths: readonly string[]
  readonly privateTmp: boolean
  readonly privateDevices: boolean
  readonly privateNetwork: boolean
  readonly noNewPrivileges: boolean
}
