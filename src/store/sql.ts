import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'

/** Statements on one connection, each prepared once. Values go in by name: `:app` takes `{ app }`. */
export type Sql = {
  all(statement: string, values?: Values): readonly Row[]
  first(statement: string, values?: Values): Row | null
  /** How many rows it changed. */
  run(statement: string, values?: Values): number
  /** The id of the row that it inserts. */
  insert(statement: string, values: Values): number
}

export type Row = Readonly<Record<string, SQLOutputValue>>
export type Values = Readonly<Record<string, SQLInputValue>>

export function createSql(database: DatabaseSync): Sql {
  const prepared = new Map<string, StatementSync>()
  return {
    all: (statement, values = {}) => prepare(statement).all(values),
    first: (statement, values = {}) => prepare(statement).get(values) ?? null,
    run: (statement, values = {}) => Number(prepare(statement).run(values).changes),
    insert: (statement, values) => Number(prepare(statement).run(values).lastInsertRowid),
  }

  function prepare(statement: string): StatementSync {
    const known = prepared.get(statement)
    if (known !== undefined) return known
    const made = database.prepare(statement)
    prepared.set(statement, made)
    return made
  }
}

/** The value of a column that holds text. */
export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`column ${column} holds no text`)
  return value
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column)
}

export function integer(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw new TypeError(`column ${column} holds no number`)
  return value
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column)
}

export function date(row: Row, column: string): Date {
  return new Date(text(row, column))
}

export function dateOrNull(row: Row, column: string): Date | null {
  return row[column] === null ? null : date(row, column)
}
