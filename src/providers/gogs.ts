import { createGogsFamily } from './gogs-family.ts'

/** Gogs tells a new tag by `create` alone: https://github.com/gogs/gogs/blob/main/internal/database/actions.go */
export const gogs = createGogsFamily({ names: ['gogs'], createsTags: true })
