/** One line on the terminal that says what goes on; nothing where there is no terminal. */

export interface Progress {
  readonly show: (line: string) => void
  readonly clear: () => void
}

const everyMs = 100

/** Of this process, on stderr. */
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
