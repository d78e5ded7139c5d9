import type { App } from './deploy-map.ts'

/** Where the live version of an app lies, or leads to. */
export function livePath({ strategy, path }: Pick<App, 'strategy' | 'path'>): string {
  return strategy === 'releases' ? `${path}/current` : path
}
