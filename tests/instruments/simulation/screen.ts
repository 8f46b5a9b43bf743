/**
 * The output of the command. A terminal shows progress as one line that changes, other outputs as a
 * line every few seconds.
 */

export interface Screen {
  readonly print: (text: string) => void
  /** Calls `line` only when it is time to show one. */
  readonly progress: (line: () => string) => void
  /** Sets the text that Ctrl-C prints. */
  readonly soFar: (text: () => string) => void
}

const everyMs = { terminal: 100, other: 10_000 }

/**
 * The screen of this process. Ctrl-C ends the process at once with 130; a closed output ends it
 * with 0.
 */
export const processScreen = (): Screen => {
  const { stdout } = process
  let shownAtMs = 0
  let soFar = () => ""
  const clear = () => stdout.isTTY ? "\r\x1b[K" : ""
  const print = (text: string) => void stdout.write(`${clear()}${text}\n`)
  process.once("SIGINT", () => {
    print(`\nInterrupted.\n${soFar()}`)
    process.exit(130)
  })
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error
    process.exit(0)
  })
  return {
    print,
    progress: (line) => {
      if (Date.now() - shownAtMs < (stdout.isTTY ? everyMs.terminal : everyMs.other)) return
      shownAtMs = Date.now()
      if (stdout.isTTY) stdout.write(`${clear()}${line().slice(0, stdout.columns - 1)}`)
      else stdout.write(`${line()}\n`)
    },
    soFar: (text) => void (soFar = text),
  }
}
