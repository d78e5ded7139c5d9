import type { CliIo } from './io.ts'
import { oneLine, shorten } from './text.ts'

/** What a person's wish carries: who asks, as this machine calls them, and why if they said so. */
export type Wish = { readonly by?: string; readonly reason?: string }

export function wishOf({ env }: Pick<CliIo, 'env'>, reason?: string): Wish {
  const by = shorten(oneLine(env['SUDO_USER'] ?? env['USER'] ?? env['LOGNAME'] ?? ''), 100)
  return { ...(by === '' ? {} : { by }), ...(reason === undefined ? {} : { reason }) }
}
