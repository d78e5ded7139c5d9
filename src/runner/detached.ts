/**
 * The daemon leaves a deployment to the units that it runs in: nothing of it is ended or recorded, and the next daemon
 * goes on with it. Not a way for a deployment to end, so it is none of its results.
 */
export class Detached extends Error {
  override readonly name = 'Detached'

  constructor() {
    super('the deployment goes on without this daemon')
  }
}
