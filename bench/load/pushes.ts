import { createHmac, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'

/**
 * GitHub's push of one repository: some 8 KB, as GitHub sends for two commits. All pushes of it are alike but for the id
 * of the commit, so that millions of them can be told apart while their text is made once.
 */
export type PushTemplate = { readonly head: string; readonly tail: string }

/** One push: the id of its commit (40 hex digits, which is also what its delivery id is made of) and its signature. */
export type SignedPush = { readonly commit: string; readonly signature: string }

export function pushTemplate(repository: string): PushTemplate {
  const [head = '', tail = ''] = JSON.stringify(pushOf(repository, placeholder)).split(placeholder)
  return { head, tail }
}

const placeholder = '@'.repeat(40)

export function signedPushes(
  count: number,
  { template, secret }: { template: PushTemplate; secret: string },
): readonly SignedPush[] {
  return Array.from({ length: count }, () => signed(randomBytes(20).toString('hex'), { template, secret }))
}

export function signed(commit: string, { template, secret }: { template: PushTemplate; secret: string }): SignedPush {
  const hmac = createHmac('sha256', secret).update(template.head).update(commit).update(template.tail)
  return { commit, signature: hmac.digest('hex') }
}

export function bodyOf({ head, tail }: PushTemplate, commit: string): string {
  return `${head}${commit}${tail}`
}

export function headersOf({ commit, signature }: SignedPush): Readonly<Record<string, string>> {
  return {
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/760256b',
    'x-github-event': 'push',
    'x-github-delivery': deliveryIdOf(commit),
    'x-hub-signature-256': `sha256=${signature}`,
  }
}

function deliveryIdOf(commit: string): string {
  return commit.slice(0, 32).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}

/**
 * For `push.lua`: the template's two halves, and a file of pushes, 104 bytes each. Synced, else the first sync of the side
 * that is measured next would write them out too.
 */
export async function writePushes(
  path: string,
  { template, pushes }: { readonly template: PushTemplate; readonly pushes: readonly SignedPush[] },
): Promise<void> {
  await writeFile(`${path}.head`, template.head, synced)
  await writeFile(`${path}.tail`, template.tail, synced)
  await writeFile(path, pushes.map(({ commit, signature }) => commit + signature).join(''), synced)
}

const synced = { flush: true } as const

/** As documented: https://docs.github.com/en/webhooks/webhook-events-and-payloads#push */
function pushOf(fullName: string, after: string): object {
  const [owner = '', name = ''] = fullName.split('/')
  const api = `https://api.github.com/repos/${fullName}`
  const page = `https://github.com/${fullName}`
  const before = 'f95f852bd8fca8fcc58a9a2d6c842781e32a215e'
  const commits = [
    commitOf({ page, id: '0c2a1bcdf5b4f1b3e5d8a6f0d3a7b1c9e2f4a680', message: 'Show the newest posts first' }),
    commitOf({
      page,
      id: '7d1b31e74ee336d15cbd21741bc88a537ed063a0',
      message: 'Use the new template everywhere\n\nCloses #42',
    }),
  ]
  return {
    ref: 'refs/heads/main',
    before,
    after,
    repository: {
      id: 186853002,
      node_id: 'MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=',
      name,
      full_name: fullName,
      private: false,
      owner: { email: 'team@acme.example', ...userOf(owner, 'Organization') },
      html_url: page,
      description: 'Everything that acme writes about',
      fork: false,
      url: page,
      ...Object.fromEntries(apiPaths.map(([key, path]) => [`${key}_url`, `${api}/${path}`])),
      created_at: 1557933565,
      updated_at: '2026-11-20T15:20:41Z',
      pushed_at: 1763900934,
      git_url: `git://github.com/${fullName}.git`,
      ssh_url: `git@github.com:${fullName}.git`,
      clone_url: `${page}.git`,
      svn_url: page,
      homepage: null,
      size: 21003,
      stargazers_count: 7,
      watchers_count: 7,
      language: 'TypeScript',
      has_issues: true,
      has_projects: true,
      has_wiki: true,
      has_pages: false,
      forks_count: 1,
      archived: false,
      disabled: false,
      open_issues_count: 12,
      license: { key: 'mit', name: 'MIT License', spdx_id: 'MIT', url: 'https://api.github.com/licenses/mit' },
      allow_forking: true,
      is_template: false,
      topics: ['blog', 'website'],
      visibility: 'public',
      default_branch: 'main',
      master_branch: 'main',
    },
    pusher: { name: 'ada', email: 'ada@acme.example' },
    organization: userOf(owner, 'Organization'),
    sender: userOf('ada', 'User'),
    created: false,
    deleted: false,
    forced: false,
    base_ref: null,
    compare: `${page}/compare/f95f852bd8fc...7d1b31e74ee3`,
    commits,
    head_commit: commits[1],
  }
}

const apiPaths = [
  ['keys', 'keys{/key_id}'],
  ['collaborators', 'collaborators{/collaborator}'],
  ['assignees', 'assignees{/user}'],
  ['branches', 'branches{/branch}'],
  ['blobs', 'git/blobs{/sha}'],
  ['statuses', 'statuses/{sha}'],
  ['commits', 'commits{/sha}'],
  ['git_commits', 'git/commits{/sha}'],
  ['comments', 'comments{/number}'],
  ['contents', 'contents/{+path}'],
  ['compare', 'compare/{base}...{head}'],
  ['issues', 'issues{/number}'],
  ['pulls', 'pulls{/number}'],
  ['milestones', 'milestones{/number}'],
  ['notifications', 'notifications{?since,all,participating}'],
  ['labels', 'labels{/name}'],
  ['releases', 'releases{/id}'],
  ...['forks', 'teams', 'hooks', 'events', 'tags', 'languages', 'stargazers', 'contributors', 'subscribers'].map(
    (path) => [path, path] as const,
  ),
  ...['subscription', 'merges', 'downloads', 'deployments'].map((path) => [path, path] as const),
] as const

function commitOf({
  page,
  id,
  message,
}: {
  readonly page: string
  readonly id: string
  readonly message: string
}): object {
  const person = { name: 'Ada Lovelace', email: 'ada@acme.example', username: 'ada' }
  return {
    id,
    tree_id: 'a26e4f3ee7a4f1b2c5d3e6f70819a2b3c4d5e6f7',
    distinct: true,
    message,
    timestamp: '2026-11-23T12:28:54+01:00',
    url: `${page}/commit/${id}`,
    author: person,
    committer: { name: 'GitHub', email: 'noreply@github.com', username: 'web-flow' },
    added: ['content/posts/2026/on-engines.md', 'content/posts/2026/images/engine.svg'],
    removed: ['templates/old-list.html'],
    modified: ['package.json', 'package-lock.json', 'src/list.ts', 'src/list.test.ts', 'templates/list.html'],
  }
}

function userOf(login: string, type: 'User' | 'Organization'): object {
  const api = `https://api.github.com/users/${login}`
  const paths = ['followers', 'following{/other_user}', 'gists{/gist_id}', 'starred{/owner}{/repo}', 'subscriptions']
  return {
    name: login,
    login,
    id: 21031067,
    node_id: 'MDQ6VXNlcjIxMDMxMDY3',
    avatar_url: 'https://avatars.githubusercontent.com/u/21031067?v=4',
    gravatar_id: '',
    url: api,
    html_url: `https://github.com/${login}`,
    ...Object.fromEntries(paths.map((path) => [`${/^\w+/.exec(path)?.[0] ?? ''}_url`, `${api}/${path}`])),
    organizations_url: `${api}/orgs`,
    repos_url: `${api}/repos`,
    events_url: `${api}/events{/privacy}`,
    received_events_url: `${api}/received_events`,
    type,
    site_admin: false,
  }
}
