import { z } from 'zod'
import { createSchema, type ProviderTable } from './schema.ts'

/** deploy.schema.json: what an editor needs to complete and check a deploy.yml. Made from the one schema. */
export function jsonSchemaOf(providers: ProviderTable): object {
  return z.toJSONSchema(createSchema(providers), { io: 'input' })
}
