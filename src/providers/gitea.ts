import { createGogsFamily } from './gogs-family.ts'

/** Gitea: https://docs.gitea.com/usage/webhooks */
export const gitea = createGogsFamily({ names: ['gitea'], createsTags: false })
