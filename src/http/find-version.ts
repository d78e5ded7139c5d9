import type { App } from '../model/deploy-map.ts'
import type { Release } from '../model/release.ts'
import { parseRevision, type Revision } from '../model/revision.ts'
import { HttpError } from './http-error.ts'
import type { RouteDeps } from './route.ts'

/** One version of an app that somebody wants live, and the ref that it was deployed by. */
export type Version = { readonly revision: Revision; readonly release: string | null; readonly ref: string }

type FindDeps = Pick<RouteDeps, 'store' | 'runner'>

/** What a rollback goes back to: what `to` names, or else what was good before what is there now. */
export async function findEarlier(app: App, to: string | undefined, deps: FindDeps): Promise<Version> {
  if (app.strategy === 'releases') return findRelease(app, to, deps)
  return findDeployed(app, to, deps)
}

/** The commit that somebody asks for: in full as it is, or by its beginning among those that are known of the app. */
export async function findRevision(app: App, asked: string, { store, runner }: FindDeps): Promise<Revision> {
  const whole = parseRevision(asked)
  if (whole !== null) return whole
  const [releases, deployments] = await Promise.all([
    runner.releases(app),
    store.deployments({ app: app.name, limit: farBack }),
  ])
  const known = [...releases, ...deployments].flatMap((one) =>
    'requestedRevision' in one ? [one.revision, one.requestedRevision] : [one.revision],
  )
  const found = theOne(known, asked)
  if (found !== null) return found
  throw new HttpError('not_found', {
    as: 'revision_not_found',
    message: 'No commit that was pushed or deployed here begins so: give all digits of it.',
  })
}

async function findRelease(app: App, to: string | undefined, { store, runner }: FindDeps): Promise<Version> {
  const releases = await runner.releases(app)
  if (to === undefined) {
    const target = await store.rollbackTarget(app.name, onDisk(releases))
    const release = releases.find(({ name }) => name === target?.release)
    if (release === undefined) throw nothingBefore(`No release but what is live was good once. ${listed(releases)}`)
    return versionOf(release)
  }
  const meant = releasesMeant(releases, to)
  if (meant.some(({ isLive }) => isLive)) throw isLiveAlready(app)
  const release = meant.find(({ isComplete }) => isComplete)
  if (release !== undefined) return versionOf(release)
  if (meant.length === 0) {
    const message = `There is no such release. ${listed(releases)} A commit that has none is built by: deployhook deploy ${app.name} --revision COMMIT`
    throw new HttpError('not_found', { as: 'release_not_found', message })
  }
  const message = `That release was never finished, so it cannot go live. ${listed(releases)}`
  throw new HttpError('conflict', { as: 'release_incomplete', message })
}

/** The names are what a default rollback may choose from. */
export function onDisk(releases: readonly Release[]): {
  readonly releases: readonly string[]
  readonly live: string | null
} {
  const complete = releases.filter(({ isComplete }) => isComplete).map(({ name }) => name)
  return { releases: complete, live: releases.find(({ isLive }) => isLive)?.name ?? null }
}

function releasesMeant(releases: readonly Release[], to: string): readonly Release[] {
  if (to.includes('-')) return releases.filter(({ name }) => name === to)
  const revision = theOne(
    releases.map((release) => release.revision),
    to,
  )
  return releases.filter((release) => release.revision === revision)
}

async function findDeployed(app: App, to: string | undefined, { store }: FindDeps): Promise<Version> {
  if (to === undefined) {
    const target = await store.rollbackTarget(app.name)
    const deployment = target === null ? null : await store.deployment(target.deployment)
    if (target !== null && deployment !== null) return { revision: target.revision, release: null, ref: deployment.ref }
    throw nothingBefore(
      `No other commit of it was deployed with success before. Any commit of its branch is deployed by: deployhook deploy ${app.name} --revision COMMIT`,
    )
  }
  const deployed = await store.deployments({ app: app.name, state: 'succeeded', limit: farBack })
  const revision = theOne(
    deployed.map((deployment) => deployment.revision),
    to,
  )
  const deployment = deployed.find((one) => one.revision === revision)
  if (revision === null || deployment === undefined) {
    const message = `No such commit was deployed with success here (an app that is deployed in place has no releases). Any commit of its branch is deployed by: deployhook deploy ${app.name} --revision COMMIT`
    throw new HttpError('not_found', { as: 'revision_not_found', message })
  }
  // With a failed one after it, the files may be of that: going back to what is called live mends them.
  const live = await store.live(app.name)
  if (live.revision === revision && live.fingerprint !== null) throw isLiveAlready(app)
  return { revision, release: null, ref: deployment.ref }
}

/** Deployments: of older ones, the whole commit has to be named. */
const farBack = 500

/** The revision that begins so; a 409 when several do. */
function theOne(revisions: readonly (Revision | null)[], start: string): Revision | null {
  const found = new Set(revisions.filter((revision) => revision?.startsWith(start) === true))
  const [first = null] = found
  if (found.size < 2) return first
  const message = `Several commits begin so: ${[...found].slice(0, 5).join(', ')}. Give more digits.`
  throw new HttpError('conflict', { as: 'ambiguous', message })
}

function versionOf({ revision, name, ref }: Release): Version {
  return { revision, release: name, ref }
}

function listed(releases: readonly Release[]): string {
  if (releases.length === 0) return 'There are no releases yet.'
  const names = releases.slice(0, 10).map((release) => `${release.name}${noteOn(release)}`)
  return `There ${releases.length === 1 ? 'is' : 'are'}: ${names.join(', ')}.`
}

function noteOn({ isLive, isComplete }: Release): string {
  if (isLive) return ' (live)'
  return isComplete ? '' : ' (not finished)'
}

function nothingBefore(message: string): HttpError {
  return new HttpError('conflict', {
    as: 'nothing_to_go_back_to',
    message: `There is nothing to go back to. ${message}`,
  })
}

function isLiveAlready({ name }: App): HttpError {
  return new HttpError('conflict', {
    as: 'already_live',
    message: `That is live already. To keep it live whatever is pushed: deployhook hold ${name}`,
  })
}
