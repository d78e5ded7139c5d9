/** Whether a path is a directory or lies in it, part by part; both absolute, normalised and without links. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
}
