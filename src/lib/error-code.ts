/** The `code` of an error of the operating system or of a library, such as `ENOENT`; null: it has none. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}
