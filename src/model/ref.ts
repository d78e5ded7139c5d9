import { exampleOf, parseGlob } from './glob.ts'

/** The full ref name of a branch, so that a tag of the same name is never meant. */
export function branchRef(branch: string): string {
  return `refs/heads/${branch}`
}

/** The branch of a full ref name, or null for any other kind of ref. */
export function branchOf(ref: string): string | null {
  return ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : null
}

/** The tag of a full ref name, or null for any other kind of ref. */
export function tagOf(ref: string): string | null {
  return ref.startsWith('refs/tags/') ? ref.slice('refs/tags/'.length) : null
}

/** The name of a branch or tag without what is in front of it; any other ref in full. */
export function shortRef(ref: string): string {
  return branchOf(ref) ?? tagOf(ref) ?? ref
}

/**
 * Whether git itself would take `ref` as a full ref name below `refs/`. Says nothing about shells: `x;touch${IFS}y` is
 * a fine branch name, which is why ref names reach steps as environment values only.
 * The rules are those of https://git-scm.com/docs/git-check-ref-format; the length limit is ours.
 */
export function isRefName(ref: string): boolean {
  if (!ref.startsWith('refs/') || Buffer.byteLength(ref) > maxRefBytes) return false
  if (/[\x00-\x20\x7f~^:?*[\\]/.test(ref) || ref.includes('..') || ref.includes('@{') || ref.endsWith('.')) return false
  return ref.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
}

const maxRefBytes = 1024

/** What is wrong with `branch` as a short branch name in deploy.yml, or null. */
export function branchProblem(branch: string): string | null {
  if (branch.startsWith('refs/')) return `give the short name, such as main, not ${branch}`
  if (branch.startsWith('-')) return 'a branch name cannot start with -'
  if (branch === 'HEAD' || branch === '@') return `${branch} is not a branch; name one, such as main`
  if (isRefName(branchRef(branch))) return null
  const problem = 'git does not allow this as a branch name'
  return /[*?]/.test(branch)
    ? `${problem}: globs go into branches, such as branches: ["release/*"]`
    : `${problem} (see git help check-ref-format)`
}

/** What is wrong with `glob` as an entry of `branches` or `tags`, or null. */
export function refGlobProblem(glob: string): string | null {
  if (glob.startsWith('refs/')) return `give short names, such as release/*, not ${glob}`
  if (glob.startsWith('!')) return 'begins with !, which works in paths only: name what is wanted'
  const parsed = parseGlob(glob)
  if ('problem' in parsed) return parsed.problem
  if (glob.startsWith('-') || !isRefName(branchRef(exampleOf(glob))))
    return 'matches nothing: git does not allow such names (see git help check-ref-format)'
  return null
}
