import { onTestFinished } from 'vitest'
import { openWorld, type World } from './open-world.ts'

export { gate, processesOf, secret, type World, type WorldApp } from './open-world.ts'

/** A world for one test: gone after it, and failing it if a process was left behind. */
export async function createWorld(...given: Parameters<typeof openWorld>): Promise<World> {
  const world = await openWorld(...given)
  onTestFinished(() => world[Symbol.asyncDispose]())
  return world
}
