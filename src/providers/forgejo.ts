import { createGogsFamily } from './gogs-family.ts'

/** Forgejo; one older than its own headers, or a webhook of its type "Gitea", sends Gitea's: https://forgejo.org/docs/latest/user/webhooks/ */
export const forgejo = createGogsFamily({ names: ['forgejo', 'gitea'], createsTags: false })
