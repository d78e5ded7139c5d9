/** The full ref name of a branch, so that a tag of the same name is never meant. */
export function branchRef(branch: string): string {
  return `refs/heads/${branch}`
}

/** The branch of a full ref name, or null for any other kind of ref. */
export function branchOf(ref: string): string | null {
  return ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : null
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
  return isRefName(branchRef(branch))
    ? null
    : 'git does not allow this as a branch name (see git help check-ref-format)'
}
