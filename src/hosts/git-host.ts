import type { Secret } from '../lib/secret.ts'
import type { Call } from './call.ts'

/** The API of a kind of git host, as far as its webhooks go: called hooks here, for a webhook is an entry of deploy.yml. */
export type GitHost = {
  /** Its name in a sentence: `GitHub`. */
  readonly title: string
  /** Where the API of the host of a clone URL lies, and how it calls the repository; null: it has no such repositories. */
  locate(at: WebAddress): ApiPlace | null
  /** What a token must be allowed to do, in the host's own words. */
  readonly right: string
  /** Headers that show the token. */
  authorization(token: Secret): Readonly<Record<string, string>>
  /** What its test of a hook sends: `push` deploys like any other; null: it has no test. */
  readonly testSends: 'ping' | 'push' | null
  /** Why a hook that works elsewhere may not reach a daemon in a private network, with the cure; null: nothing known. */
  readonly privateNetworks: string | null
  /** The hooks of one repository. Every method rejects with a `HostProblem`. */
  hooksOf(path: string, call: Call): Hooks
}

/** Host (with its port) and path of a repository, as its web pages have them. */
export type WebAddress = { readonly host: string; readonly path: string }

export type ApiPlace = { readonly apiUrl: string; readonly path: string }

export type Hooks = {
  /** All of them, however many pages. */
  list(): Promise<readonly Hook[]>
  create(wanted: WantedHook): Promise<void>
  /**
   * Makes `hook` what is wanted, and leaves on what else it hears of. There is no instant without a hook that sends
   * with the old secret or the new one.
   */
  update(hook: Hook, wanted: WantedHook): Promise<void>
  /** Has the host send its test; null: it has none. */
  readonly test: ((hook: Hook) => Promise<void>) | null
  /** The latest first, at most ten; null: its API does not tell. */
  readonly deliveries: ((hook: Hook) => Promise<readonly Sent[]>) | null
}

export type WantedHook = {
  readonly url: string
  readonly secret: Secret
  /** Tags are deployed: the host shall tell of them where that is an event of its own. */
  readonly tags: boolean
}

/** A hook as the host has it; null is what its API does not tell. No secret is in it. */
export type Hook = {
  readonly id: string
  readonly url: string
  readonly isActive: boolean
  readonly sendsPushes: boolean
  readonly isJson: boolean | null
  readonly verifiesTls: boolean | null
  readonly hasSecret: boolean | null
  /** What the host itself says is wrong with it. */
  readonly trouble: string | null
}

/** What the host remembers of one delivery that it sent. */
export type Sent = {
  readonly at: string | null
  readonly event: string | null
  /** Of the answer; null: none came. */
  readonly status: number | null
  /** In the host's words, where it has any. */
  readonly said: string | null
  /** The delivery's id, as it carried it; null: not told. */
  readonly providerId: string | null
}
