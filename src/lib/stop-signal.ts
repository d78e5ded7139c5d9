export type StopSignal = { readonly asked: Promise<void>; readonly signal: AbortSignal; readonly forget: () => void }

/** The first SIGTERM or SIGINT asks to stop, each further one calls `onAgain`. */
export function listenToSignals(
  process: NodeJS.Process,
  on: { readonly onAgain: () => void; readonly onHangup: () => void },
): StopSignal {
  const stop = new AbortController()
  const asked = new Promise<void>((resolve) => {
    stop.signal.addEventListener(
      'abort',
      () => {
        resolve()
      },
      { once: true },
    )
  })
  const onStop = (): void => {
    if (stop.signal.aborted) on.onAgain()
    else stop.abort()
  }
  const onHangup = (): void => {
    if (!stop.signal.aborted) on.onHangup()
  }
  process.on('SIGTERM', onStop).on('SIGINT', onStop).on('SIGHUP', onHangup)
  const forget = (): void => {
    process.off('SIGTERM', onStop).off('SIGINT', onStop).off('SIGHUP', onHangup)
  }
  return { asked, signal: stop.signal, forget }
}
