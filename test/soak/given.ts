/** A number of the command line: `npm run soak:kills -- 200`. Ends the process (exit code 2) at anything else, lest a typo look like a soak that went well. */
export function given(position: 2 | 3, usual: number): number {
  const text = process.argv[position]
  if (text === undefined) return usual
  const number = Number(text)
  if (number > 0 && Number.isFinite(number)) return number
  console.error(`${text} is not a number above 0`)
  process.exit(2)
}
