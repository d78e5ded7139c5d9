import type { Deployment } from '../model/deployment.ts'

/** Tells followers of committed changes. */
export type Changes = {
  /** Wakes every follower; called after the commit. */
  announce(deployments: Iterable<number>): void
  follow(signal: AbortSignal): AsyncIterable<Deployment>
  /** Ends every follower. */
  close(): void
}

/**
 * A follower that falls behind holds one number per deployment and gets that one's newest state when it comes round: it
 * never grows with the changes. It follows from the call of `follow` on, not from the first `next`.
 */
export function createChanges(read: Read): Changes {
  const followers = new Set<Follower>()
  const readOnce = createOnce(read)
  return {
    announce(deployments) {
      readOnce.forget()
      for (const follower of followers) follower.tell(deployments)
    },
    follow(signal) {
      const follower = createFollower()
      followers.add(follower)
      const leave = () => {
        followers.delete(follower)
        follower.end()
      }
      if (signal.aborted) leave()
      signal.addEventListener('abort', leave, { once: true })
      return states(follower, readOnce.read, leave)
    },
    close() {
      for (const follower of followers) follower.end()
      followers.clear()
    },
  }
}

type Read = (deployment: number) => Deployment | null

/** All followers want the same after a commit: what one has read serves the others until the next commit. */
function createOnce(read: Read): { readonly read: Read; readonly forget: () => void } {
  const known = new Map<number, Deployment | null>()
  return {
    forget() {
      known.clear()
    },
    read(id) {
      const found = known.get(id) ?? read(id)
      known.set(id, found)
      return found
    },
  }
}

type Follower = {
  tell(deployments: Iterable<number>): void
  end(): void
  /** The longest known change that was not taken yet; waits for one. null: it is over. */
  take(): Promise<number | null>
}

function createFollower(): Follower {
  const changed = new Set<number>()
  let isOver = false
  let wake = Promise.withResolvers<undefined>()
  return {
    tell(deployments) {
      for (const deployment of deployments) changed.add(deployment)
      wake.resolve(undefined)
    },
    end() {
      isOver = true
      wake.resolve(undefined)
    },
    async take() {
      while (!isOver) {
        for (const deployment of changed) {
          changed.delete(deployment)
          return deployment
        }
        wake = Promise.withResolvers()
        await wake.promise
      }
      return null
    },
  }
}

async function* states(follower: Follower, read: Read, leave: () => void): AsyncGenerator<Deployment, void, undefined> {
  try {
    for (let id = await follower.take(); id !== null; id = await follower.take()) {
      const deployment = read(id)
      if (deployment !== null) yield deployment
    }
  } finally {
    leave()
  }
}
