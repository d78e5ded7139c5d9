import type { Hosts } from './hosts.ts'
import type { Canaries, KindName } from './kinds.ts'

/** Kinds that lie in a file of their own, 0600. */
const inFiles = [
  ...(['gitlab', 'older', 'gitee', 'azure', 'azureHeader', 'github', 'bitbucket', 'standard', 'apiToken'] as const),
  ...(['gitToken', 'echoedToken', 'redirectedToken', 'file', 'credential', 'stepEnv', 'lines', 'pattern'] as const),
  ...(['odd', 'split', 'encoded', 'argued', 'other', 'reportKey', 'reportEnv', 'disguised'] as const),
] satisfies readonly (KindName | 'disguised')[]

export function filesOf(canaries: Canaries, hosts: Hosts): Readonly<Record<string, string>> {
  return {
    ...Object.fromEntries(inFiles.map((name) => [name, canaries[name].text])),
    reportUrl: `${hosts.echo.replace('//', `//ops:${canaries.reportUrl.text}@`)}/hooks/${canaries.reportUrl.text}`,
    sshKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${canaries.sshKey.text}\n-----END OPENSSH PRIVATE KEY-----\n`,
  }
}

/** A deploy.yml that has to do with every kind. */
export function deployMap({
  path,
  canaries,
  hosts,
}: {
  readonly path: (...parts: readonly string[]) => string
  readonly canaries: Canaries
  readonly hosts: Hosts
}): object {
  const from = (name: (typeof inFiles)[number]): object => ({ file: path('secrets', name) })
  const app = (name: string, more: object): object => ({
    repo: path('git/acme/blog.git'),
    path: path('srv', name),
    branch: canaries.planted.text,
    steps: ['true'],
    concurrency_group: name,
    ...more,
  })
  const hook = (provider: string, name: (typeof inFiles)[number], more: object = {}): object => ({
    provider,
    secret: from(name),
    ...more,
  })
  return {
    webhooks: {
      gitlab: { secrets: [from('gitlab'), from('older')] },
      'gitlab-older': { provider: 'gitlab', secrets: [from('gitlab'), from('older')] },
      gitee: hook('gitee', 'gitee'),
      azure: hook('azure', 'azure'),
      'azure-header': hook('azure', 'azureHeader', { header: 'X-Deploy-Token' }),
      github: hook('github', 'github'),
      bitbucket: hook('bitbucket', 'bitbucket'),
      standard: hook('standard', 'standard'),
    },
    reporters: {
      mailer: {
        kind: 'webhook',
        url: { file: path('secrets/reportUrl') },
        secret: from('reportKey'),
        allow_private: true,
      },
      pager: { kind: 'command', run: [path('bin/report')], env: { REPORT_ENV: from('reportEnv') } },
    },
    defaults: {
      catch_up: 'off',
      notify: ['mailer', 'pager'].map((reporter) => ({ reporter, on: ['succeeded', 'failed'] })),
    },
    apps: {
      prints: app('prints', {
        aliases: ['git.example/acme/blog'],
        env: {
          PLANTED: canaries.planted.text,
          ENV: { env: 'ENV_SECRET' },
          FILE: from('file'),
          CREDENTIAL: { credential: 'credential' },
          LINES: from('lines'),
          PATTERN: from('pattern'),
          ODD: from('odd'),
          SPLIT: from('split'),
          ENCODED: from('encoded'),
          DISGUISED: from('disguised'),
        },
        steps: [
          { name: 'print', run: printing(path), shell: 'bash' },
          { name: 'own', run: 'env; sleep 0.1', env: { STEP_OWN: from('stepEnv') } },
          { name: 'disguise', run: disguising, shell: 'bash' },
          { name: 'wait', run: `: ${canaries.script.text}\ntouch waiting; while [ ! -e looked ]; do sleep 0.02; done` },
          ['/bin/cat', '/proc/self/environ'],
        ],
      }),
      fails: app('fails', { env: { ARGUED: from('argued') }, steps: ['printf %s "$ARGUED" >&2; exec "$ARGUED"'] }),
      other: app('other', { env: { OTHER: from('other') }, steps: ['sleep 0.1'] }),
      shop: app('shop', { repo: `${hosts.git}/files/acme/blog.git`, git: { token: from('gitToken') } }),
      echo: app('echo', {
        repo: `${hosts.git}/echo/acme/blog.git`,
        git: { token: from('echoedToken'), username: 'ci' },
        catch_up: '1h',
      }),
      away: app('away', {
        repo: `${hosts.git}/away/acme/blog.git`,
        git: { token: from('redirectedToken'), username: 'ci' },
        catch_up: '1h',
      }),
      far: app('far', { repo: 'https://git.invalid/acme/blog.git' }),
      keyed: app('keyed', { repo: 'git@git.invalid:acme/blog.git', git: { ssh_key: path('secrets/sshKey') } }),
    },
    server: {
      ...{ allow_root_steps: true, max_running: 8, min_free: '0KiB' },
      api_tokens: [{ name: 'client', secret: from('apiToken'), can: 'operate' }],
    },
  }
}

/** Prints all it was given, in every form that a mask must know, and what lies in files of others. */
const printing = (path: (...parts: readonly string[]) => string): string => `
env
cat /proc/self/environ
set -x
echo "$ENV" "$FILE" "$CREDENTIAL" "$PATTERN"
set +x
echo "$LINES"
echo "$LINES" | tac
printf %s "\${SPLIT:0:17}"; sleep 0.1; printf '%s\\n' "\${SPLIT:17}"
printf %s "$ENCODED" | base64 -w 0; echo
printf 'x:%s' "$ENCODED" | base64 -w 0; echo
printf 'xy:%s:z' "$ENCODED" | base64 -w 0; echo
node=${process.execPath}
$node -p 'JSON.stringify(process.env)'
$node -p 'encodeURIComponent(process.env.ODD)'
$node -p 'String(new URLSearchParams({ ODD: process.env.ODD, PATTERN: process.env.PATTERN }))'
echo "$ODD" >&2
cat ${path('secrets')}/{other,gitlab,older,gitee,azure,azureHeader,github,bitbucket,standard,apiToken}
cat ${path('secrets')}/{gitToken,echoedToken,redirectedToken,reportKey,reportUrl,reportEnv,stepEnv,argued}
`

/** What is not promised: hex, colours in the middle, lines broken inside of base64. */
const disguising = `
printf %s "$DISGUISED" | od -An -tx1 | tr -d ' \\n'; echo
printf '\\033[31m%s\\033[0m%s\\n' "\${DISGUISED:0:16}" "\${DISGUISED:16}"
`

/** deploy.yml files that are refused, each with secrets in it. */
export function brokenMaps({ urlInMap, textInMap, brokenInMap }: Canaries): readonly string[] {
  const [url, text, broken] = [urlInMap.text, textInMap.text, brokenInMap.text]
  const app = (repo: string, more = ''): string => `apps:\n  blog:\n    repo: ${repo}\n    path: /srv/blog\n${more}`
  return [
    app(`https://deploy:${url}@git.example/acme/blog.git`),
    app(`https://${url}@git.example/acme/blog.git`),
    app(`"ssh://git:${url}@git.example/acme/blog.git"`),
    app(`https://git.example/acme/blog.git?token=${url}`),
    app('https://git.example/acme/blog.git', `    git:\n      token: ${text}\n`),
    app('https://git.example/acme/blog.git', `    git: { username: ci, token: '${text}' }\n    stepz: []\n`),
    app('https://git.example/acme/blog.git', `    git:\n      token:\n        ${text}\n`),
    `webhooks:\n  github:\n    secret: ${text}\n  gitlab: { secret: "${text}", provider: gitlob }\n`,
    `webhooks:\n  github:\n    secret:\n      ${text}\n`,
    `webhooks:\n  github:\n    secret: >-\n      ${text}\n`,
    `webhooks:\n  github:\n    secrets: [${text}, "${text}"]\n`,
    `webhooks:\n  github:\n    secrets:\n      - ${text}\n      - '${text}'\n      - x\n`,
    `webhooks:\n  github:\n    secrt: ${text}\n`,
    `webhooks:\n  github:\n    secret: { file: /nowhere, value: ${text} }\n`,
    `server:\n  api_tokens:\n    - name: ci\n      secret: ${text}\n    - { name: cd, secret: ${text} }\n`,
    `reporters:\n  ops:\n    kind: webhook\n    url: https://ops:${url}@hooks.example/\n    secret: ${text}\n`,
    `webhooks:\n  github:\n    secret: "${broken}\n`,
    `webhooks:\n  github:\n    secret: '${broken}\n  x: y\n`,
    `webhooks:\n  github:\n   secret: ${broken}\n    provider: github\n`,
    `webhooks:\n  github: {secret: ${broken}\n`,
    `webhooks:\n  github:\n    secret:\n      "${broken}\n`,
    `webhooks:\n  github:\n    secret: ${broken}: x\n`,
    `webhooks:\n  github:\n\tsecret: ${broken}\n`,
    `webhooks:\n  github:\n    secret: @${broken}\n`,
    `webhooks:\n  github:\n    secret: *${broken}\n`,
    `webhooks:\n  github:\n    secret: !${broken} x\n`,
  ]
}
