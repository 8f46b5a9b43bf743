/**
 * Where the command prints: a terminal shows progress as one line that changes, anything else as a
 * line now and then.
 */

export interface Screen {
  readonly print: (text: string) => void
  /** The line is only asked for when there is something to show it. */
  readonly progress: (line: () => string) => void
  /** What to say when Ctrl-C ends the command; the last one counts. */
  readonly soFar: (text: () => string) => void
}

const everyMs = { terminal: 100, other: 10_000 }

/**
 * The screen of this process. Ctrl-C ends it at once, with 130; so does a reader that has seen
 * enough, with 0.
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
