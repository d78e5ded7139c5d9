import { namesOf } from './fields.ts'

/**
 * Every identity of a repository of Azure DevOps. It has one URL for https and another for ssh, of which the payload
 * holds the first alone, an older host for each, and a short form where repository and project share a name:
 * https://learn.microsoft.com/azure/devops/repos/git/use-ssh-keys-to-authenticate
 */
export function azureNames(repository: {
  readonly project: string
  readonly name: string
  readonly remoteUrl: string | null
}): readonly string[] {
  const { project, name, remoteUrl } = repository
  // `https://acme@dev.azure.com/…` is how the host writes clone URLs; the user name is no part of the identity.
  const plain = remoteUrl?.replace(/^(https?:\/\/)[^/@:]+@/, '$1')
  const organization =
    /^https:\/\/dev\.azure\.com\/([^/]+)\//i.exec(plain ?? '')?.[1] ??
    /^https:\/\/([^/.]+)\.visualstudio\.com\//i.exec(plain ?? '')?.[1]
  const hosted = organization === undefined ? [] : hostedUrls(organization, encodeURI(project), encodeURI(name))
  return namesOf(`${project}/${name}`, [plain, ...hosted])
}

function hostedUrls(organization: string, project: string, name: string): readonly string[] {
  const bases = [`https://dev.azure.com/${organization}`, `https://${organization}.visualstudio.com`]
  const paths = [`/${project}/_git/${name}`, ...(project === name ? [`/_git/${name}`] : [])]
  const ssh = ['git@ssh.dev.azure.com', `${organization}@vs-ssh.visualstudio.com`]
  return [
    ...bases.flatMap((base) => paths.map((path) => base + path)),
    ...ssh.map((host) => `${host}:v3/${organization}/${project}/${name}`),
  ]
}
