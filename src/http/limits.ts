/** What a sender may take of the daemon's time and memory. Times in milliseconds, sizes in bytes. */
export type Limits = {
  /** Of a delivery. GitHub sends up to 25 MiB, and a form-encoded body is longer than its JSON. */
  readonly deliveryBytes: number
  /** Of any other request's body. */
  readonly bodyBytes: number
  readonly headerBytes: number
  /** From a request's first byte to its last; its headers alone have `headersMs`. */
  readonly requestMs: number
  readonly headersMs: number
  /** How often the two above are looked at. */
  readonly checkMs: number
  /** A connection on which nothing moves, half sent or half read, is cut. Longer than `heartbeatMs`. */
  readonly silenceMs: number
  /** Longer than what proxies keep (nginx: 60 s), so that none sends into a connection that is just being closed. */
  readonly keepAliveMs: number
  /** Who sends too much is heard out for this long before the connection is cut, else the answer would be lost. */
  readonly lingerMs: number
  /** Between two comments in a followed log: proxies cut what is silent. */
  readonly heartbeatMs: number
  /** Who follows a log and takes nothing of what waits for this long is let go; `Last-Event-ID` brings the rest. */
  readonly followerMs: number
  /** Requests under way at shutdown have this long to end. */
  readonly closeGraceMs: number
  /** Bodies above `largeBytes` that are held in memory at the same time; further senders are made to wait. */
  readonly largeBodies: number
  readonly largeBytes: number
  /** Refused requests per address that get a 401; beyond these, and one more for each `refusalMs`, it is a 429. */
  readonly refusalBurst: number
  readonly refusalMs: number
}

const MiB = 1024 * 1024

export const defaultLimits: Limits = {
  deliveryBytes: 26 * MiB,
  bodyBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  requestMs: 30_000,
  headersMs: 10_000,
  checkMs: 1_000,
  silenceMs: 60_000,
  keepAliveMs: 75_000,
  lingerMs: 2_000,
  heartbeatMs: 15_000,
  followerMs: 10_000,
  closeGraceMs: 5_000,
  largeBodies: 8,
  largeBytes: 256 * 1024,
  refusalBurst: 30,
  refusalMs: 1_000,
}
