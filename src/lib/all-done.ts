/** As Promise.all, but one that fails is not heard of before all others have ended, too: nothing is left at work. */
export async function allDone<All extends readonly unknown[] | []>(
  work: All,
): Promise<{ -readonly [Each in keyof All]: Awaited<All[Each]> }> {
  await Promise.allSettled(work)
  return Promise.all(work)
}
