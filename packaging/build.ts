/** What a build of the packages is about: the same for all of them. */
export type Build = {
  /** The checkout. */
  readonly root: string
  /** A directory of this build alone. */
  readonly work: string
  /** Where the packages go. */
  readonly out: string
  readonly version: string
  /** Seconds since 1970 that every file in a package bears: https://reproducible-builds.org/specs/source-date-epoch/ */
  readonly epoch: number
  readonly arch: Arch
  /** For tests: larger packages, made sooner. */
  readonly isQuick: boolean
}

export type Arch = 'x64' | 'arm64'

export const arches = ['x64', 'arm64'] as const satisfies readonly Arch[]
