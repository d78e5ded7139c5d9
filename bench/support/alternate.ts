/**
 * Measures the sides in turn, A B A B, so that what slows the machine for a while slows all of them. A side that is not
 * there (null) has no values. The first `warmUps` rounds, which count in what `measure` is told, are not kept: what is done for
 * the first time takes longer, here and in what is measured.
 */
export async function alternate<Side extends string, Value>(
  sides: Readonly<Record<Side, ((round: number) => Promise<Value>) | null>>,
  rounds: number,
  { warmUps = 0 }: { readonly warmUps?: number } = {},
): Promise<Readonly<Record<Side, readonly Value[]>>> {
  const names = Object.keys(sides) as Side[]
  const measured = Object.fromEntries(names.map((name) => [name, [] as Value[]])) as Record<Side, Value[]>
  for (let round = 0; round < warmUps + rounds; round++) {
    for (const name of names) {
      const measure = sides[name]
      if (measure === null) continue
      const value = await measure(round)
      if (round >= warmUps) measured[name].push(value)
    }
  }
  return measured
}
