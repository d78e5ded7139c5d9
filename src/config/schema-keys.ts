import { z } from 'zod'
import type { Path } from './finding.ts'

/** The keys that the schema knows at a path of the document: what may have been meant by a key it does not know. */
export function keysKnownAt(schema: z.core.$ZodType, path: Path): readonly string[] {
  const [first, ...rest] = path
  const inner = unwrap(schema)
  if (inner instanceof z.ZodUnion) return [...new Set(inner.options.flatMap((option) => keysKnownAt(option, path)))]
  if (first === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
  const next = childOf(inner, first)
  return next === null ? [] : keysKnownAt(next, rest)
}

function childOf(schema: z.core.$ZodType, key: string | number): z.core.$ZodType | null {
  if (schema instanceof z.ZodObject) return (schema.shape as Readonly<Record<string, z.core.$ZodType>>)[key] ?? null
  if (schema instanceof z.ZodRecord) return schema.valueType
  return schema instanceof z.ZodArray ? schema.element : null
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? unwrap(schema.unwrap()) : schema
}
