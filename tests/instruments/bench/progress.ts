/** A progress line on the terminal; nothing without a terminal. */

export interface Progress {
  readonly show: (line: string) => void
  readonly clear: () => void
}

const everyMs = 100

/** The progress of this process, on standard error. */
export const processProgress = (): Progress => {
  const { stderr } = process
  if (!stderr.isTTY) return { show: () => {}, clear: () => {} }
  let shownAtMs = 0
  return {
    show: (line) => {
      if (performance.now() - shownAtMs < everyMs) return
      shownAtMs = performance.now()
      stderr.write(`\r\x1b[K${line.slice(0, stderr.columns - 1)}`)
    },
    clear: () => void stderr.write("\r\x1b[K"),
  }
}
