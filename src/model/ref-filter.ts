import type { App } from './deploy-map.ts'
import { branchOf, branchRef, shortRef, tagOf } from './ref.ts'

type Filter = Pick<App, 'branch' | 'branches' | 'tags'>

/** Whether this ref is one that the app deploys. What a ref is called is only ever text here. */
export function deploysRef({ branch, branches, tags }: Filter, ref: string): boolean {
  const [branchName, tagName] = [branchOf(ref), tagOf(ref)]
  if (branch !== null) return branchName === branch
  if (tagName !== null) return tags.some((glob) => glob.matches(tagName))
  return branchName !== null && branches.some((glob) => glob.matches(branchName))
}

/** The ref to deploy of what was queued for `ref`: deploy.yml may have changed since. null: the app wants it no more. */
export function refToDeploy(app: Filter, ref: string): string | null {
  if (app.branch !== null) return branchRef(app.branch)
  return deploysRef(app, ref) ? ref : null
}

/**
 * The ref that a request for a deployment means: the one it names, else the app's one branch, else that of `newest`,
 * the deployment before. A sentence when there is none.
 */
export function refAskedFor(
  app: Filter,
  { named, newest }: { readonly named: string | null; readonly newest: string | null },
): { readonly ref: string } | { readonly problem: string } {
  if (named !== null)
    return deploysRef(app, named) ? { ref: named } : { problem: `That is no ref that it deploys: ${refsOf(app)}.` }
  const ref = refToDeploy(app, newest ?? '')
  if (ref !== null) return { ref }
  return {
    problem: `It deploys ${refsOf(app)}, and nothing says which: name one, with --branch NAME or --tag NAME (in the API: "ref").`,
  }
}

/** What the app deploys, for people: `main`, or `branches release/*; tags v*`. */
export function refsOf({ branch, branches, tags }: Filter): string {
  if (branch !== null) return branch
  const told = (kind: string, globs: Filter['tags']) =>
    globs.length === 0 ? [] : [`${kind} ${globs.map(({ text }) => text).join(', ')}`]
  return [...told('branches', branches), ...told('tags', tags)].join('; ')
}

/** `branch main`, `tag v1`. */
export function kindAndName(ref: string): string {
  return `${kindOfRef(ref)} ${shortRef(ref)}`
}

export function kindOfRef(ref: string): 'branch' | 'tag' {
  return tagOf(ref) === null ? 'branch' : 'tag'
}
