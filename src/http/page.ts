/** One page of a list, from `limit` + 1 items: what is beyond `limit` only says that there is more. */
export function pageOf<Item extends { readonly id: number }>(
  found: readonly Item[],
  limit: number,
): { readonly items: readonly Item[]; readonly next: number | null } {
  const items = found.slice(0, limit)
  return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null }
}
