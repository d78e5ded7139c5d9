/** The rule of three: when none of `tries` failed, at most so many do, with a confidence of 95 %. As in `0.6 %`. */
export function upperBound(tries: number): string {
  const percent = Math.min(100, 300 / tries)
  return `${Number(percent.toPrecision(2))} %`
}
