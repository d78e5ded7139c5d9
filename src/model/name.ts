/** Of webhooks, apps, groups and tokens: they become parts of URLs, file names and metrics. */
export const namePattern = /^[a-z0-9][a-z0-9_-]{0,62}$/

export function isName(text: string): boolean {
  return namePattern.test(text)
}
