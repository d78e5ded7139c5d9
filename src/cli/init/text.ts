import { entryText, yamlText, type SecretSource } from '../../config/index.ts'
import type { Answers } from './answers.ts'

/** What becomes of the answers. */
export type Plan = Answers & {
  readonly source: SecretSource
  readonly steps: readonly string[]
  readonly sshKey: string | null
  readonly knownHosts: string | null
  readonly tokenFile: string | null
}

/** A deploy.yml that says what is in it. */
export function deployYml(plan: Plan): string {
  return `# deploy.yml: what deployhook deploys on this machine, and which pushes do it. Made by \`deployhook init\`.
# deploy.yml.example, which comes with deployhook, shows every key. After a change: deployhook check.
# A running daemon takes a changed file over by itself, and keeps the old one while there is a mistake in it.

webhooks:
${webhookText(plan)}
apps:
${appText(plan)}${serverText(plan)}`
}

export function webhookText({ provider, source, app }: Plan): string {
  return `  ${provider}: # served at POST /hooks/${provider}: the git host is given that URL, and the secret
    # Never the secret itself. Another one: deployhook webhooks rotate ${app}
    ${entryText([source])}
`
}

export function appText({ app, repo, branch, path, steps, sshKey, knownHosts, tokenFile }: Plan): string {
  const git = [
    ...(sshKey === null ? [] : [`      ssh_key: ${yamlText(sshKey)} # read-only, of this repository alone`]),
    ...(knownHosts === null ? [] : [`      known_hosts: ${yamlText(knownHosts)}`]),
    ...(tokenFile === null ? [] : [`      token: { file: ${yamlText(tokenFile)} } # may read the repository`]),
  ]
  return `  ${app}:
    repo: ${yamlText(repo.url)}
    branch: ${yamlText(branch)} # pushes to others deploy nothing
    path: ${yamlText(path)} # its own: everything tracked in it becomes what the commit has
${git.length === 0 ? '' : `    git:\n${git.join('\n')}\n`}${stepsText(steps)}`
}

function stepsText(steps: readonly string[]): string {
  const comment = '    # One after the other, in path; the first that fails ends the deployment.\n'
  if (steps.length === 0) return `${comment}    # steps:\n    #   - npm ci\n    #   - npm run build\n    steps: []\n`
  return `${comment}    steps:\n${steps.map((step) => `      - ${stepText(step)}\n`).join('')}`
}

/** Plain where a person would write it so. */
function stepText(step: string): string {
  return / /.test(step) && /^[A-Za-z][A-Za-z0-9 ./_=-]*[A-Za-z0-9./_=-]$/.test(step) ? step : yamlText(step)
}

function serverText({ publicUrl }: Plan): string {
  return publicUrl === null
    ? ''
    : `
server:
  public_url: ${yamlText(publicUrl)} # for links, and for deployhook webhooks
`
}
