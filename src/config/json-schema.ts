import { z } from 'zod'
import type { ReporterTable } from './reporter-schema.ts'
import { createSchema, type ProviderTable } from './schema.ts'

/** deploy.schema.json: what an editor needs to complete and check a deploy.yml. Made from the one schema. */
export function jsonSchemaOf(providers: ProviderTable, reporters: ReporterTable): object {
  return z.toJSONSchema(createSchema(providers, reporters), { io: 'input' })
}
